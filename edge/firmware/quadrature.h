/* Quadrature: two lines, a quarter of a period apart, to a count and where between two counts the encoder is.

   A leads B while the tether is pulled out. Pins are B << 1 | A. */
#ifndef QUADRATURE_H
#define QUADRATURE_H

#include <stdbool.h>
#include <stdint.h>

#define SUBSTEPS 16 /* in a count */

struct quadrature {
    int32_t count;
    uint32_t edge_us;     /* of the newest edge */
    uint32_t cycle_us;    /* of the edge four counts before, where the last four went one way */
    uint32_t at_us[4];    /* of the newest edge to each count modulo four */
    uint32_t missed;      /* edges: both lines had changed */
    int8_t step;          /* of the newest edge: +1, -1 */
    uint8_t run;          /* edges since the direction changed, at most 255 */
    uint8_t pins;
};

#ifdef __AVR__
#define QUADRATURE_INLINE static inline __attribute__((always_inline))
#else
#define QUADRATURE_INLINE static inline
#endif

/* Where the lines stand when counting begins: that is no edge. */
QUADRATURE_INLINE void quadrature_begin(struct quadrature *q, uint8_t pins)
{
    q->pins = pins;
}

/* The lines have changed. Where both have, two edges were missed, and which way nobody can know: the count stays. */
QUADRATURE_INLINE void quadrature_edge(struct quadrature *q, uint8_t pins, uint32_t t_us)
{
    uint8_t changed = pins ^ q->pins;
    if (changed == 0)
        return;
    if (changed == 3) {
        q->missed += 2;
        q->run = 0;
        q->pins = pins;
        return;
    }
    /* Outwards the lines go 00, 01, 11, 10: a line that changes to what the other was not comes first. */
    int8_t step = ((q->pins >> 1 ^ pins) & 1) ? 1 : -1;
    q->pins = pins;
    if (step != q->step)
        q->run = 0;
    else if (q->run != 255)
        q->run++;
    q->step = step;
    q->count += step;
    uint8_t slot = (uint8_t)q->count & 3;
    q->cycle_us = q->at_us[slot];
    q->at_us[slot] = t_us;
    q->edge_us = t_us;
}

/* Position in sub-steps at a time after the newest edge. It lies between the count and the next; within that the
   newest whole cycle says how far it has come. A whole cycle: what the lines' phases are off by cancels out. */
static inline int32_t quadrature_position(const struct quadrature *q, uint32_t t_us)
{
    int32_t substep = SUBSTEPS / 2;
    uint32_t cycle_us = q->edge_us - q->cycle_us, age_us = t_us - q->edge_us;
    if (q->run >= 4 && cycle_us != 0 && cycle_us < 1000000) {
        substep = age_us >= cycle_us / 4 ? SUBSTEPS - 1 : (int32_t)(age_us * (4 * SUBSTEPS) / cycle_us);
        if (substep > SUBSTEPS - 1)
            substep = SUBSTEPS - 1;
        if (q->step < 0)
            substep = SUBSTEPS - 1 - substep;
    }
    return q->count * SUBSTEPS + substep;
}

#endif
