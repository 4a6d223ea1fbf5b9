/*
 * control.h - the running service's Unix socket, and the client of it.
 *
 * Socket "control.sock" (capture alone: "capture.sock") in the queue's directory, mode 0600.
 * One request per connection: a line of JSON {"do": "status", "form": "json" (default) | "text"} or
 * {"do": "validate", "mode", "repair", "show_values", "only": [...]}. The answer is lines of JSON;
 * the last one is
 * {"type": "end", "exit": N} with "error" and "reason" when N is not 0.
 */
#ifndef CDC_SERVICE_CONTROL_H
#define CDC_SERVICE_CONTROL_H

#include "cdc/service/service.h"

struct control;

/* Listen and serve in a thread until control_close. Fails with ERR_IO. */
MUST_CHECK bool control_open(struct service *s, struct control **out, struct err *err);
void control_close(struct control *c);

#define CONTROL_APPLY "control.sock"   /* of who applies, perhaps captures, too */
#define CONTROL_CAPTURE "capture.sock" /* of a process that only captures */

/* Does a service listen on this socket of this queue directory? */
bool control_listens(const char *queue_dir, const char *socket_name);

/*
 * Ask the service of this queue directory. *running false: nobody listens. line: every line
 * but the last; *exit_code and err (kind ERR_NONE when 0) from the last one. ERR_IO
 * "service_silent" when nothing comes for silence_max_s.
 */
MUST_CHECK bool control_call(const char *queue_dir, const char *socket_name, const char *request,
                             uint32_t silence_max_s, service_line_fn *line, void *ctx,
                             bool *running, int *exit_code, struct err *err);

#endif
