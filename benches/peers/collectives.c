// Collectives of any MPI, timed as `gears bench` times its own. See collectives.py, which starts this.
//
//     mpirun -n P ./collectives CORES
//
// Rank 0 says once which library this is and on which cores its ranks are. Then it gets lines,
// `OPERATION BYTES SECONDS AT_LEAST AT_MOST`, the latter two in laps, and answers each with an object of JSON. Between
// requests the others sleep.
//
//     rank 0   rewrite     | wait |# call ## call ## call #| wait    | rewrite ...
//     rank 1   rewrite | wait     |# call #### call #### call ######| rewrite ...
//                                 |<----------- the lap ----------->|
//                               start                    end on the slowest rank
//
// The method is that of crates/testkit/src/timed, down to the constants: a lap is a batch of K calls back to back, each
// on buffers of its own which their rank has just rewritten; the time of a call is that of the lap over K. The ranks
// meet in memory that they share, not through the library that is measured.
#define _GNU_SOURCE
#include <fcntl.h>
#include <mpi.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 3, MOST_LAPS = 10000, BATCH = 64, ALIGNMENT = 128, MOST_RANKS = 256, BARRIERS = 20 };
enum { BATCH_BYTES = 256 << 10, LEAD_NS = 2000, PATIENCE = 200 };
// Laps that together take this many times what was granted are enough.
enum { TOO_LONG = 10 };
#define OVER INT64_MAX

typedef enum { ALL_REDUCE, REDUCE_SCATTER, ALL_GATHER, ALL_TO_ALL, BROADCAST, BARRIER, OPERATIONS } Operation;
static const char *const NAMES[OPERATIONS] = {
    "all_reduce", "reduce_scatter", "all_gather", "all_to_all", "broadcast", "barrier",
};

// What is asked for. No operation: the end.
typedef struct {
    int operation;
    size_t bytes;
    double seconds;
    int at_least, at_most; // laps
} Request;

// Where the ranks meet.
typedef struct {
    alignas(ALIGNMENT) atomic_int arrived; // ranks that have come to the present meeting
    alignas(ALIGNMENT) atomic_long meetings; // meetings that are over
    alignas(ALIGNMENT) int64_t start; // of the next lap, or OVER
    int laps; // begun
    int64_t first, began; // when the laps began, and when those that count did
    alignas(ALIGNMENT) atomic_int through; // how often a rank has come to a checked barrier
    Request request;
    sem_t asleep[MOST_RANKS];
} Line;

static Line *line;
static int ranks, rank;
static bool oversubscribed;

static int64_t now(void) {
    struct timespec t; // The same clock for all processes of a machine.
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

// --- the start line ---

// The last to come says when the next lap starts.
static void next_lap(void) {
    int counted = line->laps - WARM_UP;
    double granted = 1e9 * line->request.seconds;
    if (line->laps == 0) line->first = now();
    if (counted == 0) line->began = now();
    bool in_time = counted < 0 || now() - line->began < granted;
    bool too_long = line->laps > 0 && granted > 0 && now() - line->first > TOO_LONG * granted;
    bool goes_on = counted < line->request.at_least || (counted < line->request.at_most && in_time);
    // Of a call that takes seconds even laps for warming up count; there is nothing else.
    if (!goes_on || too_long) {
        line->start = OVER;
        return;
    }
    line->laps++;
    line->start = now() + (oversubscribed ? 0 : LEAD_NS);
}

static void nothing(void) {}

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

// Waits for all ranks; the last to come runs `last` before any goes on.
static void meet(void (*last)(void)) {
    long meetings = atomic_load_explicit(&line->meetings, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&line->arrived, 1, memory_order_acq_rel) + 1 == ranks) {
        atomic_store_explicit(&line->arrived, 0, memory_order_relaxed);
        last();
        atomic_store_explicit(&line->meetings, meetings + 1, memory_order_release);
        return;
    }
    int patience = oversubscribed ? 0 : PATIENCE;
    for (unsigned looks = 1; atomic_load_explicit(&line->meetings, memory_order_acquire) == meetings; looks++) {
        if (looks > (unsigned)patience) sched_yield();
        else relax();
        if (looks % 8192 == 0) { // Should a library move its messages only while it is called, now it can.
            int any;
            MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &any, MPI_STATUS_IGNORE);
        }
    }
}

// Waits for all ranks and the common start. False if there is no further lap.
static bool start(int64_t *at) {
    meet(next_lap);
    *at = line->start;
    if (*at == OVER) return false;
    while (now() < *at) relax();
    return true;
}

// --- buffers and calls ---

// The K buffers of a batch, no two of which share a cache line.
typedef struct {
    float *store;
    size_t stride, length, rows;
} Rows;

static Rows rows_of(size_t rows, size_t length) {
    size_t unit = ALIGNMENT / sizeof(float);
    Rows of = {NULL, (length + unit - 1) / unit * unit, length, rows};
    if (length > 0 && !(of.store = aligned_alloc(ALIGNMENT, rows * of.stride * sizeof(float)))) fail("memory");
    return of;
}

static float *row(const Rows *of, size_t i) { return of->store + i * of->stride; }

static void fill(Rows *of, float value) {
    for (size_t i = 0; of->length && i < of->rows * of->stride; i++) of->store[i] = value;
}

typedef struct {
    Operation operation;
    size_t batch, length; // `length`: of the buffer, or of each rank's block
    Rows inputs, outputs; // what works in place has its inputs in `outputs`
} Calls;

static size_t blocks(Operation operation) {
    return operation == ALL_REDUCE || operation == BROADCAST ? 1 : (size_t)ranks;
}

// Bytes are those of the whole array that a rank puts in or gets out, whichever is longer.
static Calls calls_of(Operation operation, size_t bytes) {
    size_t length = bytes / sizeof(float) / blocks(operation), batch = BATCH;
    if (length == 0) length = 1;
    if (operation == BARRIER) length = 0;
    size_t whole = length * blocks(operation);
    if (whole * sizeof(float) * BATCH > BATCH_BYTES) batch = BATCH_BYTES / (whole * sizeof(float));
    if (batch == 0) batch = 1;
    bool in_place = operation == ALL_REDUCE || operation == BROADCAST;
    size_t input = in_place ? 0 : operation == ALL_GATHER ? length : whole;
    size_t output = operation == REDUCE_SCATTER ? length : whole;
    return (Calls){operation, batch, length, rows_of(batch, input), rows_of(batch, output)};
}

static void call(const Calls *calls, size_t i) {
    float *in = row(&calls->inputs, i), *out = row(&calls->outputs, i);
    int n = (int)calls->length;
    MPI_Comm world = MPI_COMM_WORLD;
    switch (calls->operation) {
    case ALL_REDUCE: MPI_Allreduce(MPI_IN_PLACE, out, n, MPI_FLOAT, MPI_SUM, world); break;
    case REDUCE_SCATTER: MPI_Reduce_scatter_block(in, out, n, MPI_FLOAT, MPI_SUM, world); break;
    case ALL_GATHER: MPI_Allgather(in, n, MPI_FLOAT, out, n, MPI_FLOAT, world); break;
    case ALL_TO_ALL: MPI_Alltoall(in, n, MPI_FLOAT, out, n, MPI_FLOAT, world); break;
    case BROADCAST: MPI_Bcast(out, n, MPI_FLOAT, 0, world); break;
    default: MPI_Barrier(world);
    }
}

// --- right or wrong ---

// What a rank puts in: small integers, the sums of which are exact, and which no shift leaves alone.
static float value(int of, size_t index, size_t i) {
    uint32_t kind = (uint32_t)(index + 977 * i) * UINT32_C(2654435761) >> 24;
    return (float)((kind ^ (uint32_t)(37 * of)) % 61);
}

static float sum(size_t index, size_t i) {
    float sum = 0;
    for (int of = 0; of < ranks; of++) sum += value(of, index, i);
    return sum;
}

static float expected(const Calls *calls, size_t index, size_t i) {
    size_t n = calls->length;
    switch (calls->operation) {
    case ALL_REDUCE: return sum(index, i);
    case REDUCE_SCATTER: return sum(rank * n + index, i);
    case ALL_GATHER: return value((int)(index / n), index % n, i);
    case ALL_TO_ALL: return value((int)(index / n), rank * n + index % n, i);
    default: return value(0, index, i);
    }
}

// How often this rank is let through a barrier before all have come.
static long early(const Calls *calls) {
    long early = 0;
    for (int barrier = 1; barrier <= BARRIERS; barrier++) {
        if (rank == barrier % ranks) sched_yield(); // a late one, each time another
        atomic_fetch_add(&line->through, 1);
        call(calls, 0);
        early += atomic_load(&line->through) < barrier * ranks;
    }
    return early;
}

// Wrong elements of this rank's in one checked batch.
static long check(Calls *calls) {
    if (calls->operation == BARRIER) return early(calls);
    Rows *source = calls->inputs.length ? &calls->inputs : &calls->outputs;
    fill(&calls->outputs, -1);
    for (size_t i = 0; i < calls->batch; i++)
        for (size_t k = 0; k < source->length; k++) row(source, i)[k] = value(rank, k, i);
    if (calls->operation == BROADCAST && rank != 0) fill(&calls->outputs, -1);
    long wrong = 0;
    for (size_t i = 0; i < calls->batch; i++) call(calls, i);
    for (size_t i = 0; i < calls->batch; i++)
        for (size_t k = 0; k < calls->outputs.length; k++)
            wrong += row(&calls->outputs, i)[k] != expected(calls, k, i);
    return wrong;
}

// --- a request ---

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void answer(void) {
    Calls calls = calls_of(line->request.operation, line->request.bytes);
    long wrong = check(&calls), wrong_in_all = 0;
    static double micros[WARM_UP + MOST_LAPS], slowest[WARM_UP + MOST_LAPS];
    int laps = 0;
    int64_t at;
    for (;;) {
        fill(&calls.outputs, 1);
        fill(&calls.inputs, 1); // last, since it is what a program has just computed
        if (!start(&at)) break;
        for (size_t i = 0; i < calls.batch; i++) call(&calls, i);
        micros[laps++] = (now() - at) / 1e3 / calls.batch;
        meet(nothing); // Who is done doesn't rewrite while others still need the memory's bandwidth.
    }
    MPI_Reduce(micros, slowest, laps, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    MPI_Reduce(&wrong, &wrong_in_all, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        int skipped = laps > WARM_UP ? WARM_UP : 0;
        double *times = slowest + skipped;
        laps -= skipped;
        qsort(times, laps, sizeof *times, ascending);
        printf("{\"op\":\"%s\",\"ranks\":%d,\"bytes\":%zu,\"iterations\":%d,\"batch\":%zu,\"time_us\":{\"min\":%.5g,"
               "\"median\":%.5g,\"max\":%.5g},\"wrong\":%ld}\n",
               NAMES[calls.operation], ranks, calls.length * blocks(calls.operation) * sizeof(float), laps, calls.batch,
               times[0], times[laps / 2], times[laps - 1], wrong_in_all);
        fflush(stdout);
    }
    free(calls.inputs.store);
    free(calls.outputs.store);
}

// Rank 0 reads what is next; the others sleep until it has, and use no core meanwhile.
static bool next_request(void) {
    if (rank == 0) {
        char text[256], name[64];
        Request *request = &line->request;
        request->operation = OPERATIONS;
        bool read = fgets(text, sizeof text, stdin)
            && sscanf(text, "%63s %zu %lf %d %d", name, &request->bytes, &request->seconds, &request->at_least,
                   &request->at_most) == 5
            && request->at_least <= MOST_LAPS && request->at_most <= MOST_LAPS;
        for (int op = 0; read && op < OPERATIONS; op++)
            if (!strcmp(name, NAMES[op])) request->operation = op;
        line->laps = 0;
        atomic_store(&line->through, 0);
        for (int other = 1; other < ranks; other++) sem_post(&line->asleep[other]);
    } else {
        while (sem_wait(&line->asleep[rank]) != 0) {}
    }
    return line->request.operation != OPERATIONS;
}

// --- the beginning ---

// Makes the line, in memory of all ranks.
static void share(void) {
    char name[64];
    snprintf(name, sizeof name, "/gears-peers-%ld", (long)getpid());
    int file = -1;
    if (rank == 0) {
        file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        if (file < 0 || ftruncate(file, sizeof *line) != 0) fail("shared memory");
    }
    MPI_Bcast(name, sizeof name, MPI_CHAR, 0, MPI_COMM_WORLD);
    if (rank != 0 && (file = shm_open(name, O_RDWR, 0600)) < 0) fail("shared memory");
    line = mmap(NULL, sizeof *line, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0); // zeros
    if (line == MAP_FAILED) fail("shared memory");
    close(file);
    if (rank == 0)
        for (int other = 0; other < ranks; other++) sem_init(&line->asleep[other], 1, 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) shm_unlink(name);
}

// Which library, and where the ranks are.
static void introduce(void) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length, cpu = sched_getcpu(), cpus[MOST_RANKS];
    MPI_Get_library_version(library, &length);
    library[strcspn(library, "\n\"\\")] = 0;
    for (char *c = library; *c; c++)
        if (*c == '\t') *c = ' ';
    MPI_Gather(&cpu, 1, MPI_INT, cpus, 1, MPI_INT, 0, MPI_COMM_WORLD);
    if (rank != 0) return;
    printf("{\"library\":\"%s\",\"cpus\":[", library);
    for (int of = 0; of < ranks; of++) printf("%s%d", of ? "," : "", cpus[of]);
    printf("]}\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (argc != 2 || ranks > MOST_RANKS) fail("usage: collectives CORES, on 256 ranks at most");
    oversubscribed = ranks > atoi(argv[1]);
    share();
    introduce();
    while (next_request()) answer();
    MPI_Finalize();
    return 0;
}
