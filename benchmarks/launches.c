/* A driver for CUDA that computes nothing: memory is the host's, kernels are counted and not run, graphs are counts.
 *
 * What waits for the GPU while a graph is captured is refused, as a driver refuses it. Functions of libcuda, libcudart,
 * libcublas and libnvrtc that are not here do nothing and succeed; `launches.py` adds them. */
#define _GNU_SOURCE
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LAUNCHES, PRODUCTS, COPIES, FILLS, WAITS, REPLAYS, REPLAYED, COUNTERS };
static atomic_long counted[COUNTERS];
long launches_count(int which) { return counted[which]; }

typedef struct { int capturing; } Stream;
typedef struct { int captured; } Event;
typedef struct { long nodes; } Graph;
static Stream usual;
static Graph *growing;
static int relaxed;
static unsigned long long captures;

static Stream *of(cudaStream_t s) { return (size_t)s < 16 ? &usual : (Stream *)s; }

/* Count one piece of work, or keep it in the graph that is captured; tell whether it was kept. */
static int kept(cudaStream_t s, int kind) {
  if (of(s)->capturing && growing) return ++growing->nodes;
  counted[kind]++;
  return 0;
}

/* Memory: a range of addresses for the device and one for pinned memory, a page before each piece for its size. */
#define RANGE (1ul << 40)
#define PAGE 4096
static char *device, *device_end, *pinned, *pinned_end;

static cudaError_t room(char **range, char **end, void **out, size_t size) {
  if (!*range) {
    *range = mmap(0, RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *end = *range;
  }
  *(size_t *)*end = size;
  *out = *end + PAGE;
  *end += PAGE + (size + PAGE - 1) / PAGE * PAGE;
  return cudaSuccess;
}

static cudaError_t leave(void *piece) {
  if (piece) madvise(piece, *(size_t *)((char *)piece - PAGE), MADV_DONTNEED);
  return cudaSuccess;
}

static int within(const void *p, const char *range) { return range && (char *)p >= range && (char *)p < range + RANGE; }

cudaError_t cudaMalloc(void **out, size_t size) { return room(&device, &device_end, out, size); }
cudaError_t cudaMallocAsync(void **out, size_t size, cudaStream_t s) { return cudaMalloc(out, size); }
cudaError_t cudaFree(void *p) { return leave(p); }
cudaError_t cudaHostAlloc(void **out, size_t size, unsigned f) { return room(&pinned, &pinned_end, out, size); }
cudaError_t cudaFreeHost(void *p) { return leave(p); }
cudaError_t cudaMemGetInfo(size_t *left, size_t *total) { return *left = 70ul << 30, *total = 80ul << 30, cudaSuccess; }

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *found, const void *p) {
  memset(found, 0, sizeof *found);
  found->devicePointer = found->hostPointer = (void *)p;
  if (within(p, device)) found->type = cudaMemoryTypeDevice;
  if (within(p, pinned)) found->type = cudaMemoryTypeHost;
  return cudaSuccess;
}

/* Waiting: not while a graph is captured, but for what is not captured, where that is allowed. */
static cudaError_t wait(Stream *s) {
  if (growing && (!relaxed || (s && s->capturing))) return cudaErrorStreamCaptureUnsupported;
  counted[WAITS]++;
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *mode) {
  int before = relaxed;
  relaxed = *mode == cudaStreamCaptureModeRelaxed;
  *mode = before ? cudaStreamCaptureModeRelaxed : cudaStreamCaptureModeGlobal;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s) { return wait(of(s)); }
cudaError_t cudaDeviceSynchronize(void) { return wait(0); }
cudaError_t cudaEventSynchronize(cudaEvent_t e) { return wait(0); }

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t size, enum cudaMemcpyKind k, cudaStream_t s) {
  if (!kept(s, COPIES)) memmove(to, from, size);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t size, enum cudaMemcpyKind k) {
  cudaError_t refused = wait(0);
  return refused ? refused : cudaMemcpyAsync(to, from, size, k, 0);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t size, cudaStream_t s) {
  if (!kept(s, FILLS)) memset(p, value, size);
  return cudaSuccess;
}

/* One device, in numbers like an H100's. */
static int property(int which) {
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock: case cudaDevAttrMaxBlockDimX: case cudaDevAttrMaxBlockDimY: return 1024;
    case cudaDevAttrMaxBlockDimZ: return 64;
    case cudaDevAttrMaxGridDimX: return 2147483647;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: return 65535;
    case cudaDevAttrMaxSharedMemoryPerBlock: return 49152;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: return 232448;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: return 233472;
    case cudaDevAttrMaxRegistersPerBlock: case cudaDevAttrMaxRegistersPerMultiprocessor: return 65536;
    case cudaDevAttrMaxThreadsPerMultiProcessor: return 2048;
    case cudaDevAttrMultiProcessorCount: return 132;
    case cudaDevAttrWarpSize: return 32;
    case cudaDevAttrComputeCapabilityMajor: return 9;
    case cudaDevAttrUnifiedAddressing: case cudaDevAttrCooperativeLaunch: return 1;
    default: return 0;
  }
}

cudaError_t cudaDeviceGetAttribute(int *out, enum cudaDeviceAttr a, int d) { return *out = property(a), cudaSuccess; }

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int d) {
  memset(p, 0, sizeof *p);
  strcpy(p->name, "no GPU");
  p->major = 9, p->multiProcessorCount = 132, p->warpSize = 32, p->totalGlobalMem = 80ul << 30;
  p->maxThreadsPerBlock = 1024, p->maxThreadsPerMultiProcessor = 2048;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->sharedMemPerBlock = 49152, p->sharedMemPerBlockOptin = 232448, p->sharedMemPerMultiprocessor = 233472;
  p->l2CacheSize = 50 << 20, p->textureAlignment = 512;
  for (int i = 0; i < 3; i++) p->maxThreadsDim[i] = i < 2 ? 1024 : 64, p->maxGridSize[i] = i ? 65535 : 2147483647;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *out) { return *out = 1, cudaSuccess; }
cudaError_t cudaGetDevice(int *out) { return *out = 0, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *out) { return *out = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *out) { return *out = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaDeviceGetPCIBusId(char *out, int size, int d) { return snprintf(out, size, "0000:00:00.0"), cudaSuccess; }
cudaError_t cudaDeviceGetStreamPriorityRange(int *low, int *high) { return *low = 0, *high = -5, cudaSuccess; }
cudaError_t cudaGetSymbolAddress(void **out, const void *symbol) { return *out = calloc(1, PAGE), cudaSuccess; }
const char *cudaGetErrorName(cudaError_t e) { return e == cudaErrorStreamCaptureUnsupported ? "waits while captured" : "error"; }
const char *cudaGetErrorString(cudaError_t e) { return cudaGetErrorName(e); }

cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *found, const void *f) {
  memset(found, 0, sizeof *found);
  found->maxThreadsPerBlock = 1024, found->numRegs = 64, found->binaryVersion = found->ptxVersion = 90;
  found->maxDynamicSharedSizeBytes = 232448;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *out, const void *f, int b, size_t s) {
  return *out = 2, cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *out, const void *f, int b, size_t s, unsigned x) {
  return *out = 2, cudaSuccess;
}

/* Streams, events and graphs. */
cudaError_t cudaStreamCreate(cudaStream_t *out) { return *out = calloc(1, sizeof(Stream)), cudaSuccess; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned f) { return cudaStreamCreate(out); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned f, int p) { return cudaStreamCreate(out); }
cudaError_t cudaStreamGetPriority(cudaStream_t s, int *out) { return *out = 0, cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t *out) { return *out = calloc(1, sizeof(Event)), cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned f) { return cudaEventCreate(out); }
cudaError_t cudaEventElapsedTime(float *out, cudaEvent_t a, cudaEvent_t b) { return *out = 1, cudaSuccess; }

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
  return ((Event *)e)->captured = of(s)->capturing, cudaSuccess;
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t s, unsigned f) { return cudaEventRecord(e, s); }
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned f) {
  if (growing && ((Event *)e)->captured) of(s)->capturing = 1;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode m) {
  growing = calloc(1, sizeof *growing);
  return of(s)->capturing = 1, captures++, cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *out) {
  *out = (cudaGraph_t)growing;
  return of(s)->capturing = 0, growing = 0, cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *out) {
  return *out = of(s)->capturing, cudaSuccess;
}
cudaError_t cudaStreamGetCaptureInfo(
    cudaStream_t s, enum cudaStreamCaptureStatus *out, unsigned long long *number, cudaGraph_t *graph,
    const cudaGraphNode_t **nodes, const cudaGraphEdgeData **edges, size_t *count) {
  *out = of(s)->capturing;
  if (number) *number = captures;
  if (graph) *graph = (cudaGraph_t)growing;
  if (nodes) *nodes = 0;
  if (count) *count = 0;
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *nodes, size_t *count) {
  return *count = ((Graph *)g)->nodes, cudaSuccess;
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *out, cudaGraph_t g, unsigned long long f) {
  return *out = (cudaGraphExec_t)g, cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t g, cudaStream_t s) {
  return counted[REPLAYS]++, counted[REPLAYED] += ((Graph *)g)->nodes, cudaSuccess;
}

/* Launches, of torch's kernels, of cuBLAS, and of Triton's and what is compiled at run time through the driver. */
static _Thread_local struct { dim3 grid, block; size_t shared; void *stream; } call;
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void *s) {
  return call.grid = grid, call.block = block, call.shared = shared, call.stream = s, 0;
}
cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *s) {
  return *grid = call.grid, *block = call.block, *shared = call.shared, *(void **)s = call.stream, cudaSuccess;
}
void **__cudaRegisterFatBinary(void *binary) { return calloc(1, sizeof(void *)); }
cudaError_t __cudaGetKernel(cudaKernel_t *out, const void *f) { return *out = (cudaKernel_t)f, cudaSuccess; }
#define LAUNCH(s) return kept(s, LAUNCHES), 0
cudaError_t cudaLaunchKernel(const void *f, dim3 g, dim3 b, void **a, size_t n, cudaStream_t s) { LAUNCH(s); }
cudaError_t __cudaLaunchKernel(cudaKernel_t f, dim3 g, dim3 b, void **a, size_t n, cudaStream_t s) { LAUNCH(s); }
cudaError_t cudaLaunchCooperativeKernel(const void *f, dim3 g, dim3 b, void **a, size_t n, cudaStream_t s) { LAUNCH(s); }
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *how, const void *f, void **a) { LAUNCH(how->stream); }
CUresult cuLaunchKernelEx(const CUlaunchConfig *how, CUfunction f, void **a, void **more) { LAUNCH(how->hStream); }
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned n, CUstream s, void **a, void **more) { LAUNCH(s); }

static _Thread_local cudaStream_t blas;
static int handle(void **out) { return *out = calloc(1, 256), 0; }
int cublasCreate_v2(void **out) { return handle(out); }
int cublasSetStream_v2(void *h, cudaStream_t s) { return blas = s, 0; }
int cublasGetMathMode(void *h, int *out) { return *out = 0; }
int cublasGetPointerMode_v2(void *h, int *out) { return *out = 0; }
#define PRODUCT(name) int name() { return kept(blas, PRODUCTS), 0; }
PRODUCT(cublasGemmEx) PRODUCT(cublasGemmStridedBatchedEx) PRODUCT(cublasSgemm_v2) PRODUCT(cublasSgemmStridedBatched)
PRODUCT(cublasDgemm_v2) PRODUCT(cublasDgemmStridedBatched) PRODUCT(cublasSgemmEx) PRODUCT(cublasSgemv_v2)
int cublasLtMatmulDescCreate(void **out) { return handle(out); }
int cublasLtMatrixLayoutCreate(void **out) { return handle(out); }
int cublasLtMatmulPreferenceCreate(void **out) { return handle(out); }
int cublasLtMatmul(void *h, void *d, void *x, void *a, void *la, void *b, void *lb, void *y, void *c, void *lc, void *o,
                   void *lo, void *how, void *work, size_t n, cudaStream_t s) { return kept(s, PRODUCTS), 0; }
int cublasLtMatmulAlgoGetHeuristic(void *h, void *d, void *a, void *b, void *c, void *o, void *p, int asked, void *found,
                                   int *count) {
  return memset(found, 0, 96), *count = 1, 0;
}

CUresult cuDriverGetVersion(int *out) { return *out = CUDART_VERSION, 0; }
CUresult cuDeviceGet(CUdevice *out, int number) { return *out = number, 0; }
CUresult cuDeviceGetCount(int *out) { return *out = 1, 0; }
CUresult cuDeviceGetAttribute(int *out, CUdevice_attribute a, CUdevice d) { return *out = property(a), 0; }
CUresult cuCtxGetCurrent(CUcontext *out) { return *out = (CUcontext)1, 0; }
CUresult cuCtxGetDevice(CUdevice *out) { return *out = 0, 0; }
CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice d) { return *out = (CUcontext)1, 0; }
CUresult cuDevicePrimaryCtxGetState(CUdevice d, unsigned *f, int *on) { return *f = 0, *on = 1, 0; }
CUresult cuModuleLoadData(CUmodule *out, const void *p) { return handle((void **)out); }
CUresult cuModuleGetFunction(CUfunction *out, CUmodule m, const char *name) { return handle((void **)out); }
CUresult cuPointerGetAttribute(void *out, CUpointer_attribute a, CUdeviceptr p) { return *(CUdeviceptr *)out = p, 0; }
CUresult cuGetErrorString(CUresult e, const char **out) { return *out = "no GPU", 0; }
CUresult cuFuncGetAttribute(int *out, CUfunction_attribute a, CUfunction f) {
  return *out = a == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : a == CU_FUNC_ATTRIBUTE_NUM_REGS ? 64 : 0, 0;
}

static int nothing(void) { return 0; }
CUresult cuGetProcAddress_v2(const char *name, void **out, int v, cuuint64_t f, CUdriverProcAddressQueryResult *found) {
  void *own = dlsym(RTLD_DEFAULT, name);
  if (found) *found = 0;
  return *out = own ? own : (void *)nothing, 0;
}
cudaError_t cudaGetDriverEntryPointByVersion(const char *name, void **out, unsigned v, unsigned long long f,
                                             enum cudaDriverEntryPointQueryResult *found) {
  return cuGetProcAddress_v2(name, out, v, f, (void *)found);
}
