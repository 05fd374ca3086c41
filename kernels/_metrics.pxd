cimport cython

from kernels._motion cimport RING, Smoother

cdef enum:
    PATH_HALF = 16        # a bar changes its way more slowly than its speed
    PULLEY_HALF = 20      # the cell's noise is turned into length by the whole free cable

cdef enum Layout:
    TRAVEL = 0        # the channel is the motion: a cable without path, or a stick
    ONE_TETHER = 1
    TILT = 2
    TWO_TETHERS = 3
    PULLEY = 4
    TENSION = 5

cdef struct Measures:
    double start_s
    double end_s
    double eccentric_end_s
    double concentric_start_s
    double concentric_end_s
    double eccentric_s
    double bottom_pause_s
    double concentric_s
    double top_pause_s
    double size
    double mcv
    double pcv
    double mpv
    double mev
    double pev
    double mean_force
    double peak_force
    double mean_power
    double peak_power
    double work
    double deviation
    double drift
    double sigma
    double bottom
    double top
    double smoothing_s

cdef struct Span:
    double start_s
    double end_s

cdef struct Window:
    # rings on one grid, and how far they are known
    const double* s
    const double* announced    # place by the announcing filter
    const double* x
    const double* y
    const double* sigma
    const double* force
    long long newest
    long long seen        # how far x and y are known; a slower sensor lags
    double path_gain      # what smoothing leaves of one reading's uncertainty
    double place_gain     # and of one grid sample's
    double stuck          # the part of it that is the sensor's resolution, which no mean reduces at rest


@cython.final
cdef class Meter:
    cdef int layout
    cdef bint concentric_first
    cdef bint free_weight
    cdef double free_length, efficiency
    cdef double place[RING]
    cdef double rate[RING]
    cdef double scratch[RING]
    cdef double handle_x[RING]
    cdef double handle_y[RING]
    cdef long long first
    cdef int n
    cdef int half
    cdef int rung            # where on the ladder to look for the next rep's smoother first
    cdef bint settled        # whether a rep has been measured to the end
    cdef double noise

    cdef bint measure(
        self,
        Window* window,
        long long a,
        long long v,
        long long b,
        double v0,
        double load,
        bint final,
        Measures* m,
    ) noexcept nogil
    cdef void settle(self, Window* window, long long first, long long last, bint final) noexcept nogil
    cdef void smooth(self, Window* window, long long first, long long last, int half) noexcept nogil
    cdef double unrest(self) noexcept nogil
    cdef double crossing(self, int i, double level) noexcept nogil
    cdef Span phase(
        self, int i0, int i1, double sign, double v0, double start, double end, double size
    ) noexcept nogil
    cdef double place_at(self, double t) noexcept nogil
    cdef int index(self, double t) noexcept nogil
    cdef double summit(self, int i) noexcept nogil
    cdef bint knocked(self, Window* window, long long a, long long v, long long b) noexcept nogil
    cdef bint hasty(self, const double* ring, long long turn, long long end, int step) noexcept nogil
    cdef bint lower_first(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil
    cdef bint lift_first(self, Window* window, Span up, Span down, double load, Measures* m) noexcept nogil
    cdef void lift(self, Window* window, Span down, Span up, double load, Measures* m) noexcept nogil
    cdef void force(self, Window* window, double load, int i0, int i1, Span up, Measures* m) noexcept nogil
    cdef void path(self, Window* window, Measures* m) noexcept nogil
    cdef double smooth_at(self, const double* ring, Window* window, Smoother* f, int i) noexcept nogil
    cdef void line(self, Measures* m, int i0, int i1) noexcept nogil
    cdef void handle(self, Window* window, Measures* m, int i0, int i1) noexcept nogil
