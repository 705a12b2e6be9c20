/* Bytes and numbers, as far as they are needed. */

#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

static inline void copy(void *to, const void *from, size_t length)
{
    char *put = to;
    const char *take = from;
    while (length--)
        *put++ = *take++;
}

/* A decimal number, or -1 if the text does not begin with one that fits. */
static inline int read_number(const char *text)
{
    long number = 0;
    if (*text < '0' || *text > '9')
        return -1;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (*text - '0');
        if (number > 0x7fffffff)
            return -1;
    }
    return (int)number;
}

/* The same for a text that is a number and nothing more. */
static inline int read_whole_number(const char *text)
{
    const char *end = text;
    while (*end >= '0' && *end <= '9')
        end++;
    return *end ? -1 : read_number(text);
}

static inline char *put_text(char *put, const char *end, const char *text)
{
    while (*text && put < end)
        *put++ = *text++;
    return put;
}

static inline char *put_number(char *put, const char *end, int number)
{
    char digits[12];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count && put < end)
        *put++ = digits[--count];
    return put;
}

/* "/proc/", 7, "/task/", 8, "/children"; a number that is 0 is left out. */
static inline void join_path(char *path, size_t size, const char *one, int first, const char *two,
                             int second, const char *three)
{
    char *end = path + size - 1;
    char *put = put_number(put_text(path, end, one), end, first);
    put = put_text(put, end, two);
    if (second)
        put = put_number(put, end, second);
    *put_text(put, end, three) = 0;
}

#endif
