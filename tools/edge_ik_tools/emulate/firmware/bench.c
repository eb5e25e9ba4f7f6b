/* Solves targets and runs inputs through the network, and writes down what came out and what
   it took. */
#include "bench_solver.h"

#include <string.h>

#include "counter.h"
#include "host.h"
#include "stages.h"

/* Targets at a time; what has little memory says otherwise. */
#ifndef BLOCK
#define BLOCK 16
#endif

struct answer {
    float q[BENCH_JOINTS];
    float residual, seed_residual;
    int32_t status, steps, tried;
    uint32_t total, encode, network, decode, refine;
    uint32_t cold, closed;
    int32_t cold_steps;
    float cold_squared;
    float closed_q[BENCH_JOINTS];
};

static float targets[BLOCK][BENCH_TARGET];
static struct answer answers[BLOCK];

static struct {
    int32_t joints, target, steps, features, outputs, width;
    uint32_t stack;
} summary = {BENCH_JOINTS, BENCH_TARGET, BENCH_STEPS, 0, 0, 0, 0};

static void answer_target(const float target[], struct answer *answer) {
    float q[BENCH_JOINTS], s[BENCH_SEGMENTS], c[BENCH_SEGMENTS], seed_squared;
    int32_t ignored;
    BENCH_INFO info;
    memset(answer, 0, sizeof(*answer));

    stack_paint();
    answer->total = count(STAGE(BENCH_SOLVE), target, answer->q, &info, 0, 0, &ignored);
    answer->status = returned_int(ignored);
    const uint32_t used = stack_used();
    summary.stack = used > summary.stack ? used : summary.stack;
    answer->residual = info.residual;
    answer->seed_residual = info.seed_residual;
    answer->steps = info.steps;

    answer->tried = BENCH_TRIED(info);
    stage_target(target);
    answer->encode = count(stage_encode, target, stage_input, 0, 0, 0, &ignored);
    answer->network = count(stage_network, stage_input, stage_output, 0, 0, 0, &ignored);
    stage_branch = -1;
    for (int32_t i = 0; i < answer->tried; ++i) {
        /* Seeds drawn at random are refined like the last one, which takes as long. */
        if (i < answer->tried - BENCH_RESTARTED(info)) {
            answer->decode += count(stage_decode, stage_output, q, s, c, 0, &ignored);
        }
        answer->refine += count(stage_refine, target, q, s, c, &seed_squared, &ignored);
    }

    answer->cold =
        count(STAGE(cold_solve), target, q, &answer->cold_squared, 0, 0, &answer->cold_steps);
#ifdef CLOSED_FORM
    answer->closed = count(STAGE(closed_form), target, answer->closed_q, 0, 0, 0, &ignored);
#endif
}

static void answer_targets(void) {
    const int32_t from = host_open("targets.bin", 0);
    const int32_t to = host_open("answers.bin", 1);
    size_t got;
    while ((got = host_read(from, targets, sizeof(targets)) / sizeof(targets[0])) > 0) {
        for (size_t i = 0; i < got; ++i) {
            answer_target(targets[i], &answers[i]);
        }
        host_write(to, answers, got * sizeof(answers[0]));
    }
    host_close(from);
    host_close(to);
}

static void run_network(void) {
    const size_t in = (size_t)(stage_features * stage_width);
    const size_t out = (size_t)(stage_outputs * stage_width);
    const int32_t from = host_open("inputs.bin", 0);
    const int32_t to = host_open("outputs.bin", 1);
    while (host_read(from, stage_input, in) == in) {
        stage_network(stage_input, stage_output, 0, 0, 0);
        host_write(to, stage_output, out);
    }
    host_close(from);
    host_close(to);
}

int main(void) {
    summary.features = stage_features;
    summary.outputs = stage_outputs;
    summary.width = stage_width;
    counter_start();
    answer_targets();
    run_network();
    const int32_t to = host_open("summary.bin", 1);
    host_write(to, &summary, sizeof(summary));
    host_close(to);
    return 0;
}
