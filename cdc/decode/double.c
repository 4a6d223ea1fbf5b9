/*
 * double.c - a double as MySQL prints it: the shortest digits that give it back.
 *
 * With digits D (n of them) and the value 0.D x 10^k: plain notation if -14 <= k <= 15, or
 * k > 15 and n > k; else d.ddde<k-1> (types-and-ddl.md D.2).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/decode/decoder.h"

#define DIGITS_MAX 17

/* The digits of d rounded to n places, and its exponent k. */
static int round_digits(double d, int n, char *digits)
{
    char text[40];

    snprintf(text, sizeof(text), "%.*e", n - 1, d);
    digits[0] = text[0];
    if (n > 1)
        memcpy(digits + 1, text + 2, (size_t)n - 1);
    digits[n] = '\0';
    return (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
}

static bool gives_back(double d, const char *digits, int k)
{
    char text[40];

    snprintf(text, sizeof(text), "0.%se%d", digits, k);
    return strtod(text, NULL) == d;
}

static void increment(char *digits, int n, int *k)
{
    int i = n - 1;

    while (i >= 0 && digits[i] == '9')
        digits[i--] = '0';
    if (i >= 0) {
        digits[i]++;
        return;
    }
    digits[0] = '1';
    ++*k;
}

/*
 * Below a power of two the doubles lie closer than above it: there the nearest n digits can
 * fail while the next larger ones still give d back.
 */
static bool try_places(double d, int n, char *digits, int *k)
{
    int exponent;

    *k = round_digits(d, n, digits);
    if (gives_back(d, digits, *k))
        return true;
    if (frexp(d, &exponent) != 0.5)
        return false;
    increment(digits, n, k);
    return gives_back(d, digits, *k);
}

static int shortest(double d, char *digits, int *k)
{
    /* Normal doubles: what 15 places give back has its short form with zeros behind. */
    int n = fpclassify(d) == FP_SUBNORMAL ? 1 : 15;

    while (n < DIGITS_MAX && !try_places(d, n, digits, k))
        n++;
    if (n == DIGITS_MAX)
        *k = round_digits(d, n, digits);
    while (n > 1 && digits[n - 1] == '0')
        digits[--n] = '\0';
    return n;
}

static int lay_out(const char *digits, int n, int k, char *out, size_t size)
{
    if (k >= -14 && k <= 0)
        return snprintf(out, size, "0.%.*s%s", -k, "00000000000000", digits);
    if ((k > 0 && k <= 15) || (k > 15 && n > k)) {
        if (n > k)
            return snprintf(out, size, "%.*s.%s", k, digits, digits + k);
        return snprintf(out, size, "%s%.*s", digits, k - n, "00000000000000");
    }
    if (n == 1)
        return snprintf(out, size, "%se%d", digits, k - 1);
    return snprintf(out, size, "%c.%se%d", digits[0], digits + 1, k - 1);
}

size_t double_print(double d, char *out)
{
    char digits[DIGITS_MAX + 1];
    char text[48];
    bool negative = signbit(d) != 0;
    int k = 0;
    int n;
    size_t len = 0;

    if (negative)
        out[len++] = '-';
    if (d == 0) {
        out[len++] = '0';
        return len;
    }
    n = shortest(fabs(d), digits, &k);
    n = lay_out(digits, n, k, text, sizeof(text));
    memcpy(out + len, text, (size_t)n);
    return len + (size_t)n;
}
