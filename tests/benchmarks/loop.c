/* The counter's work on each sample as one would write it by hand, for tests/benchmarks/kernel.py.

Does, as kernels/ does: drops spikes and old readings sent again, takes out shifts of the zero, brings uneven samples
onto a grid of 100 a second by the mean of each bin, places the bar (one tether, or two), filters place and velocity,
finds turning points by displacement, counts valleys between two tops, and measures each twice, at its lockout and when
it is complete: smooths the movement, judges its noise, and finds the four boundaries, range, mean, peak and propulsive
velocity, and path.
Leaves out: sets, the grammar that tells a rep from a pick-up or a set-down, force, uncertainties, other channels,
ticks, and the law that any cut of the stream gives the same bits. */

#include <math.h>

#define GRID_S 0.01
#define RING 8192
#define MASK (RING - 1)
#define HALF 8
#define TAPS (2 * HALF + 1)
#define PATH_HALF 16
#define LEAD 60
#define LONGEST 4096
#define V0 0.02
#define G 9.80665

typedef struct {
    double max_rate, max_curve, tolerance;
    double t0, y0, rate0, t1, y1, shift, area, edge, quantum;
    int started, doubt, repeated;
    long newest;
    double ring[RING];
} channel;

static channel first, second;
static double height[RING];

static void start(channel *c) {
    c->max_rate = 6.0;
    c->max_curve = 50.0;
    c->tolerance = 0.010;
    c->started = c->doubt = c->repeated = 0;
    c->quantum = c->tolerance;
    c->shift = c->area = 0.0;
    c->newest = -1;
}

static void accept(channel *c, double t, double y) {
    double ta = c->t0, ya = c->y0, slope = (y - ya) / (t - ta);
    while (t >= c->edge) {
        double ye = ya + slope * (c->edge - ta);
        c->newest += 1;
        c->ring[c->newest & MASK] = (c->area + 0.5 * (ya + ye) * (c->edge - ta)) / GRID_S;
        c->area = 0.0;
        ta = c->edge;
        ya = ye;
        c->edge = (c->newest + 2) * GRID_S;
    }
    c->area += 0.5 * (ya + y) * (t - ta);
    c->t0 = t;
    c->y0 = y;
    c->rate0 = slope;
}

static int strange(const channel *c, double t, double y) {
    double dt = t - c->t0, jump = y - c->y0;
    if (fabs(jump) <= c->tolerance) return 0;
    return fabs(jump - c->rate0 * dt) > 0.5 * c->max_curve * dt * dt + c->tolerance
        || fabs(jump) > c->max_rate * dt + c->tolerance;
}

static void take(channel *c, double t, double y) {
    if (isnan(y)) return;
    y -= c->shift;
    if (!c->started) {
        c->started = 1;
        c->newest = (long)(t / GRID_S) - 1;
        c->edge = (c->newest + 2) * GRID_S;
        c->t0 = t;
        c->y0 = y;
        c->rate0 = 0.0;
        return;
    }
    if (t <= (c->doubt ? c->t1 : c->t0)) return;
    if (c->repeated) {
        double share = (y - c->y0) / ((t - c->t0) * c->rate0);
        if (y == c->y0 && t - c->t0 <= 0.1) {
            c->t1 = t;
            return;
        }
        c->repeated = 0;
        if (!(share > 0.3 && share < 3.0)) accept(c, c->t1, c->y0);
    }
    if (c->doubt) {
        double dt = t - c->t0, line = c->y0 + (y - c->y0) * (c->t1 - c->t0) / dt;
        c->doubt = 0;
        if (fabs(y - c->y0) <= c->max_rate * dt + c->tolerance
            && fabs(c->y1 - line) > 0.5 * c->max_curve * (c->t1 - c->t0) * (t - c->t1) + c->tolerance) {
            /* a spike: forgotten */
        } else if (fabs(c->y1 - c->y0) > c->max_rate * (c->t1 - c->t0) + c->tolerance) {
            double jump = c->y1 - c->y0 - c->rate0 * (c->t1 - c->t0);
            c->shift += jump;
            accept(c, c->t1, c->y1 - jump);
            y -= jump;
        } else {
            accept(c, c->t1, c->y1);
        }
    }
    double jump = fabs(y - c->y0);
    if (t - c->t0 > 1.0) {
        c->newest = (long)(t / GRID_S) - 1;
        c->edge = (c->newest + 2) * GRID_S;
        c->t0 = t;
        c->y0 = y;
        c->area = c->rate0 = 0.0;
    } else if (jump == 0.0 && fabs(c->rate0) * (t - c->t0) > 2.0 * c->quantum) {
        c->repeated = 1;
        c->t1 = t;
    } else if (strange(c, t, y)) {
        c->doubt = 1;
        c->t1 = t;
        c->y1 = y;
    } else {
        if (jump > 0.0 && jump < c->quantum) c->quantum = jump;
        accept(c, t, y);
    }
}

static double fir(const double *taps, long k) {
    double total = 0.0;
    for (int i = 0; i < TAPS; i++) total += taps[i] * height[(k - HALF + i) & MASK];
    return total;
}

static double across[RING];

static double place(long k, int tethers, const double *anchor) {
    double l = first.ring[k & MASK];
    if (tethers == 1) return anchor[1] + sqrt(l * l - anchor[0] * anchor[0]);
    double l2 = second.ring[k & MASK], ex = anchor[2] - anchor[0], ey = anchor[3] - anchor[1];
    double b = sqrt(ex * ex + ey * ey);
    double u = (l * l - l2 * l2 + b * b) / (2.0 * b), w = sqrt(l * l - u * u);
    if (ex < 0.0) w = -w;
    across[k & MASK] = anchor[0] + u * ex / b - w * ey / b;
    return anchor[1] + u * ey / b + w * ex / b;
}

typedef struct {
    double start_s, eccentric_end_s, concentric_start_s, concentric_end_s, range, mcv, pcv, mpv, deviation, unrest;
} rep;

static double smooth[LONGEST], speed[LONGEST], row[LONGEST + 2 * PATH_HALF + 1], scratch[LONGEST];

static void unroll(const double *ring, long from, long to) {
    for (long k = from; k <= to; k++) row[k - from] = ring[k & MASK];
}

/* The middle of n numbers (Hoare's selection); they are put about. */
static double middle(double *x, long n) {
    long lo = 0, hi = n - 1, m = n / 2;
    while (lo < hi) {
        double pivot = x[m];
        long i = lo, j = hi;
        while (i <= j) {
            while (x[i] < pivot) i++;
            while (x[j] > pivot) j--;
            if (i <= j) {
                double other = x[i];
                x[i++] = x[j];
                x[j--] = other;
            }
        }
        if (j < m) lo = i;
        if (i > m) hi = j;
    }
    return x[m];
}

/* Time at which the speed crosses v0 between samples i and i + 1. */
static double crossing(long from, long i, double level) {
    double here = speed[i], there = speed[i + 1];
    return (from + i + 0.5 + (here - level) / (here - there)) * GRID_S;
}

static void measure(long top, long low, long end, int tethers, const double *place_taps, const double *rate_taps,
                    const double *curve_taps, const double *path_taps, rep *out) {
    long from = top - LEAD < HALF ? HALF : top - LEAD, n = end - from + 1, i, count = 0;
    if (n > LONGEST || n < 8) return;
    unroll(height, from - HALF, end + HALF);
    for (i = 0; i < n; i++) {
        double p = 0.0, v = 0.0;
        for (int j = 0; j < TAPS; j++) {
            p += place_taps[j] * row[i + j];
            v += rate_taps[j] * row[i + j];
        }
        smooth[i] = p;
        speed[i] = v;
    }
    for (i = 10; i < n - 10; i += 3)
        scratch[count++] = fabs(speed[i] - (speed[i - 5] + speed[i + 5]) * (2.0 / 3.0)
                                + (speed[i - 10] + speed[i + 10]) / 6.0);
    out->unrest = count ? middle(scratch, count) : 0.0;
    long a = 0, v = low - from, b = n - 1, peak = v;
    double high = smooth[0], bottom = smooth[v], up;
    for (i = 0; i < v; i++) if (smooth[i] > high) high = smooth[i], a = i;
    for (i = a; i < n; i++) if (smooth[i] < bottom) bottom = smooth[i], v = i;
    up = smooth[v];
    for (i = v; i < n; i++) if (smooth[i] > up) up = smooth[i];
    double zone = 0.15 * (up - bottom);
    for (i = a; i < v && smooth[i] > high - zone; i++) {}
    while (i > 0 && speed[i] < -V0) i--;
    out->start_s = crossing(from, i, -V0);
    for (i = a; i < v && smooth[i] > bottom + zone; i++) {}
    while (i < n - 2 && speed[i + 1] < -V0) i++;
    out->eccentric_end_s = crossing(from, i, -V0);
    for (i = v; i < n - 1 && smooth[i] < bottom + zone; i++) {}
    while (i > 0 && speed[i] > V0) i--;
    out->concentric_start_s = crossing(from, i, V0);
    long c0 = i;
    for (; i < n - 1 && smooth[i] < up - zone; i++) {}
    while (i < n - 2 && speed[i + 1] > V0) i++;
    out->concentric_end_s = crossing(from, i, V0);
    b = i;
    for (i = c0; i <= b; i++) if (speed[i] > speed[peak]) peak = i;
    out->pcv = speed[peak];
    out->range = smooth[b] - bottom;
    out->mcv = (smooth[b] - smooth[c0]) / (out->concentric_end_s - out->concentric_start_s);
    for (i = peak; i < b; i++) {
        double a_mps2 = 0.0;
        for (int j = 0; j < TAPS; j++) a_mps2 += curve_taps[j] * row[i + j];
        if (a_mps2 <= -G) break;
    }
    out->mpv = (smooth[i] - smooth[c0]) / ((i - c0) * GRID_S);
    out->deviation = 0.0;
    if (tethers == 2 && from >= PATH_HALF) {
        double x0 = 0.0;
        unroll(across, from - PATH_HALF, end + PATH_HALF);
        for (i = 0; i <= b; i++) {
            double x = 0.0;
            for (int j = 0; j < 2 * PATH_HALF + 1; j++) x += path_taps[j] * row[i + j];
            if (i == 0) x0 = x;
            if (fabs(x - x0) > out->deviation) out->deviation = fabs(x - x0);
        }
    }
}

/* Samples in, valleys of at least `least` between two tops out; `fastest` is the largest peak velocity of a rep. */
long count(long n, const double *t, const double *y, const double *y2, int tethers, const double *anchor,
           const double *place_taps, const double *rate_taps, const double *curve_taps, const double *path_taps,
           double least, double *fastest) {
    long done = -1, reps = 0, k, top_k = 0, low_k = 0, next_top_k = 0;
    int direction = 0;
    double step = 0.2 * least, high = -1e9, low = 1e9, top = -1e9;
    rep now = {0};
    start(&first);
    start(&second);
    *fastest = 0.0;
    for (long i = 0; i < n; i++) {
        if (tethers == 2) take(&second, t[i], y2[i]);
        take(&first, t[i], y[i]);
        while (done < first.newest && (tethers == 1 || done < second.newest)) {
            double s, v;
            done = done < 0 ? first.newest : done + 1;
            height[done & MASK] = place(done, tethers, anchor);
            if (done < 2 * HALF) continue;
            k = done - HALF;
            s = fir(place_taps, k);
            v = fir(rate_taps, k);
            if (direction >= 0) {
                if (s > high) {
                    high = s;
                    next_top_k = k;
                } else if (high - s >= step) {
                    if (direction == 2)
                        measure(top_k, low_k, k - HALF, tethers, place_taps, rate_taps, curve_taps, path_taps, &now);
                    top = high;
                    top_k = next_top_k;
                    direction = -1;
                    low = s;
                } else if (direction == 1 && v < V0) {
                    direction = 2;
                    reps += 1;
                    measure(top_k, low_k, k - HALF, tethers, place_taps, rate_taps, curve_taps, path_taps, &now);
                    if (now.pcv > *fastest) *fastest = now.pcv;
                }
            }
            if (direction < 0) {
                if (s < low) {
                    low = s;
                    low_k = k;
                } else if (s - low >= 0.6 * (top - low) && top - low >= least) {
                    direction = 1;
                    high = s;
                    next_top_k = k;
                }
            }
        }
    }
    return reps;
}
