/* The passes for a kind of processor, as `NAME`, compiled for its `TARGET`, `WIDE` floats at a time. */

#include "bidirectional.h"

INLINE void passes(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    if (!c->segment && c->g.data) bidirectional_backwards(c, b, first, last, heads, w);
    else if (!c->segment) bidirectional_forwards(c, b, first, last, heads, w);
    else if (c->g.data) backwards(c, b, first, last, heads, w);
    else forwards(c, b, first, last, heads, w);
}

TARGET void NAME(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    call own = *c;
    /* Where a head is so narrow, and that is known, little is looped over. */
    if (c->size == 16) {
        own.size = own.rows = own.cols = 16;
        passes(&own, b, first, last, heads, w);
    } else
        passes(&own, b, first, last, heads, w);
}
