/* op.h - what an op is: a row of facts and functions, and what those functions are handed.
 *
 * An op's file holds, in this order: shape rule, CPU form, OpenCL form, gradient, descriptor, public function.
 * op_record is the one road onto the tape. */
#ifndef GRADC_OP_H
#define GRADC_OP_H

#include "core/tensor.h"
#include "device/device.h"

enum { OP_OUTPUTS = 4, OP_INTS = 40, OP_REALS = 8, OP_BOUND = 2 };

/* Bits of op.keeps: what the gradient reads the values of. */
#define KEEP_IN(i) (1u << (i))
#define KEEP_OUT(i) (1u << (KEEP_OPERANDS + (i)))
enum { KEEP_OPERANDS = 16 };

enum {
    OP_VIEW = 1,    /* output 0 is a layout over in[0]'s elements; never run */
    OP_ONCE = 2,    /* its backward op: can't be differentiated, a second derivative is GRADC_E_UNSUPPORTED */
    OP_REPORTS = 4, /* can report a data error to the device word */
    OP_FLOWS = 8,   /* gradients flow into its hidden outputs too: dz[o] of each may be there */
    OP_CASTS = 16,  /* elementwise, from one dtype to another */
    OP_EPILOGUE = 32, /* its forms see to launch.epilogue, for out[0] */
    OP_PROLOGUE = 64, /* its forms see to launch.prologue, for in[0] */
    OP_IN_STEP = 128, /* out[0] may lie where in[0] does: element by element */
    OP_READS_AGAIN = 256, /* OP_PROLOGUE, and its kernels read in[0] more than once: it lies in memory (take.cl) */
    OP_LIST = 512, /* it runs by op->many alone, with itself as the only one: it needs the scratch and the table */
    OP_HALF = 1024,   /* its forms take f16 and bf16 */
    OP_LOW = 2048,    /* under autocast: floats are cast to the low dtype, */
    OP_SINGLE = 4096, /* 16-bit ones to f32, */
    OP_WIDEST = 8192  /* or to f32 if one operand is */
};

/* Handed to the shape rule: the operands are live and of one context.  It may rewrite ints (normalise an axis),
 * and fills out[0..nout).  For a kernel's output only dtype, ndim and shape count (it is made contiguous);
 * for a view all of layout, with strides and offset counted as in[0]'s are. */
struct record {
    gradc_context *g;
    const struct op *op;
    int nin, nints, nreals, nout;
    struct tensor *const *in;
    int64_t ints[OP_INTS];
    double reals[OP_REALS];
    uint64_t bound[OP_BOUND];
    struct {
        gradc_dtype dtype;
        struct layout layout;
    } out[OP_OUTPUTS];
};

/* Handed to a form: run it once on these views.  reals and bound differ from run to run of one plan; all else is
 * part of the plan's key.  No output is empty. */
struct launch {
    struct device *device;
    const struct op *op;
    int nin, nout, nints, nreals;
    const struct view *in, *out;
    const int64_t *ints;
    const double *reals;
    const uint64_t *bound;
    struct place workspace; /* op->workspace bytes */
    struct place word; /* the device word (see WORD_*); an assign's kernel tests it, OP_REPORTS' writes it */
    int64_t serial;    /* of the node, for the word */
    struct chain *chain;  /* of op_chain: in, out, reals and bound are those of all its steps */
    struct launch *other; /* of op_chain: the launch of step chain->made or chain->taker, if there is one */
    const struct epilogue *epilogue; /* of the op that makes a chain's step, else NULL */
    const struct epilogue *prologue; /* of the op that takes a chain's value as in[0], else NULL */
    int prepare; /* OpenCL: 1: only note the programs: launch_kernel and the engines see to it */
};

/* Handed to the gradient: record the ops of dx[i] wherever wants[i], and leave NULL where it is zero.
 * dz[o] is NULL where nothing flows into output o (never all).  Shapes of dx may be broadcast shapes: the caller
 * sums them down.  Only what op.keeps names may be read by value: x[i], z[o]; shapes of all may be asked. */
struct gradient {
    gradc_context *g;
    int nin, nout;
    gradc_tensor *const *x, *const *z, *const *dz;
    gradc_tensor **dx;
    const unsigned char *wants;
    const int64_t *ints;
    const double *reals;
};

struct element; /* ops/element.h */

/* Nodes of one op that run in one launch: one[0..n), of the same ints, dtypes and number of operands.  scratch is
 * zeroed when the plan is made and then the form's own; so is table, on the device (OpenCL only). */
struct launch_many {
    const struct launch *one;
    int64_t n;
    void *scratch;
    struct place table;
};

struct op_many {
    size_t (*scratch)(const struct launch_many *m);
    size_t (*table)(const struct launch_many *m);
    gradc_status (*cpu)(const struct launch_many *m, struct failure *f);
    gradc_status (*opencl)(const struct launch_many *m, struct failure *f);
};

struct op {
    const char *name;
    int nin;  /* operands; -1: any number */
    int nout; /* 1 .. OP_OUTPUTS; the first is the result, the others hidden.  0: an assign */
    unsigned keeps, flags;
    unsigned writes; /* bit i: in[i], a tensor that someone owns, is overwritten: an assign node, never dead */
    gradc_status (*shape)(struct record *r);
    size_t (*workspace)(const struct launch *l); /* NULL: none; from shapes, ints and the device alone */
    gradc_status (*cpu)(const struct launch *l, struct failure *f);
    gradc_status (*opencl)(const struct launch *l, struct failure *f);
    void (*gradient)(struct gradient *d);   /* NULL: nothing flows to any operand */
    double (*flop)(const struct launch *l); /* NULL: one for each element of its largest tensor */
    const struct op_many *many; /* how it runs with others of its kind in one launch; NULL: alone */
    const struct element *element; /* not NULL: elementwise, one output, at most CHAIN_OPERANDS operands: may be a
                                    * step of a chain */
};

/* ---- Chains: elementwise nodes that run as one ----
 * core/plan/fuse.c chooses them, ops/chain.c runs them.  Every step makes n elements, one from one element of each of
 * its operands, in row-major order; so shapes may differ along a chain as long as positions agree.
 * One step may be another op.  With OP_EPILOGUE (core/plan/epilogue.c) the chain runs behind each part of its result
 * that is finished; with OP_PROLOGUE (prologue.c) in front of each part of its operand that it reads; in one kernel. */

enum {
    CHAIN_STEPS = 32,
    CHAIN_INPUTS = 12,
    CHAIN_OUTPUTS = 8,
    CHAIN_SLOTS = 8,
    CHAIN_OPERANDS = 3,
    EPILOGUE_STEPS = 8, /* behind another op, whose kernel has their text once for each element that an item makes */
    EPILOGUE_ARGS = 42 /* that the other op's kernel has itself */
};

/* An operand from outside.  axes 0: element i lies at i * step (step 0: there is one).  Else by the collapsed axes of
 * its reader's shape. */
struct chain_input {
    int32_t node, operand; /* where it is: an operand of that node of the run */
    gradc_dtype dtype;
    int32_t axes, slot; /* slot: the CPU's block that it is gathered into; -1: it is read in place */
    int64_t step, size[GRADC_MAX_NDIM], stride[GRADC_MAX_NDIM];
};

struct chain_step {
    const struct op *op;
    int32_t node, nin;
    int32_t in[CHAIN_OPERANDS]; /* an input's number, or CHAIN_INPUTS + a step's */
    gradc_dtype in_dtype[CHAIN_OPERANDS], dtype;
    int32_t output, slot; /* the output that its value becomes, or -1: the CPU's block that holds it */
    int32_t real, bound;  /* the first of its reals and bound numbers among the launch's */
};

struct chain {
    gradc_dtype real; /* the one dtype of its values that is not bool; bool if all are.  A cast may read another */
    int64_t n;
    int32_t ninputs, nsteps, noutputs, nreals, nbound;
    int32_t made; /* the step that another op makes, or -1 */
    int32_t taker,
        taken; /* the step that stands for an op that reads the chain, or -1; and the step that it reads */
    int32_t nargs; /* of its kernel */
    struct chain_input input[CHAIN_INPUTS];
    struct chain_step step[CHAIN_STEPS];
    int32_t output[CHAIN_OUTPUTS]; /* the step that makes it */
    char *text;                    /* OpenCL: its part of the kernel's text, made at the first launch */
    uint64_t text_hash;
};

/* Whether the gradient reads operand i: of ops with more operands than KEEP_IN has bits it reads none. */
static inline int op_keeps(const struct op *op, int i)
{
    return i < KEEP_OPERANDS && (op->keeps & KEEP_IN(i));
}

/* Every descriptor, ended by NULL: ops.def and elementwise.def. */
extern const struct op *const op_list[];

/* Two that the core itself runs: a strided copy to a contiguous tensor (one operand, one output), and the update
 * in[0] = in[1]. */
extern const struct op op_contiguous, op_assign;

/* Runs a chain.  It is never recorded. */
extern const struct op op_chain;

/* ---- Recording ---- */

/* Everything that op_record takes besides the operands; {0} for none. */
struct attributes {
    int nints, nreals;
    const int64_t *ints;
    const double *reals;
    uint64_t bound[OP_BOUND];
};

/* Checks the operands (NULL in: NULL out), asks the shape rule, appends a node; returns output 0, or NULL. */
gradc_tensor *op_record(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a);

/* The same for an op without operands, on g. */
gradc_tensor *op_record_on(gradc_context *g, const struct op *op, const struct attributes *a);

/* The same for an assign (nout 0). */
gradc_status op_record_assign(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a);

/* The same, all outputs: out[nout]; on failure all NULL. */
gradc_status op_record_all(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a,
                           gradc_tensor **out);

/* In a shape rule and in compositions: the context's failure, first one kept.  The text begins with the op's name:
 * "linear: x [64,784] does not match w [128,100]". */
gradc_status record_fail(const struct record *r, gradc_status status, const char *format, ...)
    GRADC_PRINTF(3, 4);
gradc_status context_fail(gradc_context *g, gradc_status status, const char *format, ...) GRADC_PRINTF(3, 4);

/* In public functions that must look at an operand before recording: the tensor, or NULL, with the context's error
 * set if the handle is no longer good (a NULL handle sets none). */
struct tensor *op_operand(gradc_tensor *t, const char *op);

/* In public functions that check dtypes before they record, of what runs in f32 under autocast: x, or x as f32. */
gradc_tensor *autocast_single(gradc_tensor *x);

/* Runs an op once, now, outside the tape, into tensors that have memory; operands must be computed.  For the
 * library's own use: filling a new parameter, gathering a strided tensor for a read. */
gradc_status op_run_now(gradc_context *g, const struct op *op, int nin, struct tensor *const *in, int nout,
                        struct tensor *const *out, const struct attributes *a);

/* A new tensor of yours, reserved, not filled; NULL on failure. */
gradc_tensor *tensor_new_owned(gradc_context *g, gradc_dtype dtype, const struct layout *l, const char *op);

/* bound[0] = seed, bound[1] = the first of the Philox counters 0.. that make `count` 32-bit numbers, four each;
 * the context's offset moves on behind them. */
void context_random(gradc_context *g, int64_t count, uint64_t bound[OP_BOUND]);

/* The body of a live handle (no checks): for gradients and shape questions. */
struct tensor *tensor_of(const gradc_tensor *t);

/* ---- Helpers of shape rules (core/shape.c) ---- */

/* axis in -ndim..ndim-1 made positive, or -1 with the error "OP: axis A is not in -n..n-1". */
int record_axis(struct record *r, int64_t axis, int ndim);

/* ---- Helpers of forms (core/run.c) ---- */

/* Prepares or enqueues, as l->prepare says. */
gradc_status launch_kernel(const struct launch *l, const struct kernel_call *k, struct failure *f);

/* A CPU form's data error: writes the value at position `index` to the device word, unless an earlier one stands
 * there. */
void launch_report(const struct launch *l, int64_t index, int64_t value);

#endif
