/*
 * bell.h - tells the readers of a queue that it has grown, in the process that writes it.
 *
 * The bell belongs to who opens writer and readers, and goes to both in their queue_options. What
 * counts is the published end on disk; the bell only ends a wait for it. Between processes there
 * is none, and readers look at the end now and then.
 */
#ifndef CDC_QUEUE_BELL_H
#define CDC_QUEUE_BELL_H

#include <pthread.h>
#include <stdint.h>

#define BELL_LOOK_US 100000

struct queue_bell {
    pthread_mutex_t lock; /* over rings */
    pthread_cond_t rung;
    uint64_t rings;
};

void queue_bell_init(struct queue_bell *b);
void queue_bell_release(struct queue_bell *b);
void queue_bell_ring(struct queue_bell *b);
/* How often, so far; NULL: 0. Asked for before a look at the end. */
uint64_t queue_bell_rings(struct queue_bell *b);
/* Until it has rung more than `rings` times, or the time is over. */
void queue_bell_wait(struct queue_bell *b, uint64_t rings, uint64_t timeout_us);
/* The pause of a reader that found nothing, at most timeout_us. A stop wakes nobody, so with a bell
 * it lasts BELL_LOOK_US at most; without one (NULL) poll_us. */
void queue_bell_pause(struct queue_bell *b, uint64_t rings, uint64_t poll_us, uint64_t timeout_us);

#endif
