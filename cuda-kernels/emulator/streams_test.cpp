// That streams run late, in order, and when they are waited for; that errors come out then.
#include "driver_test.h"
#include "host_memory.h"

namespace coppice::emulator {
namespace {

class StreamsTest : public DriverTest {};

TEST_F(StreamsTest, APinnedCopyReadsItsSourceWhenTheStreamComesToIt) {
  const CUdeviceptr data = allocate(4);
  unsigned* source = pinned(4, 10);
  const CUstream s = stream();
  ASSERT_EQ(cuMemcpyHtoDAsync_v2(data, source, 16, s), SUCCESS);
  EXPECT_EQ(word(data), 0xCDCDCDCD) << "nothing has been copied yet";
  source[0] = 99;  // Too early: what a host that does not wait does.
  ASSERT_EQ(cuStreamSynchronize(s), SUCCESS);
  EXPECT_EQ(word(data), 99U);
  EXPECT_EQ(word(data + 4), 11U);
}

TEST_F(StreamsTest, APinnedCopyBackIsThereAfterTheWaitAndNotBefore) {
  const CUdeviceptr data = allocate(1);
  unsigned* target = pinned(1, 5);
  const CUstream s = stream();
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, s), SUCCESS);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(target, data, 4, s), SUCCESS);
  EXPECT_EQ(target[0], 5U);
  ASSERT_EQ(cuStreamSynchronize(s), SUCCESS);
  EXPECT_EQ(target[0], 7U);
}

TEST_F(StreamsTest, ACopyOfPageableMemoryWaitsForItsStreamAndIsMadeAtOnce) {
  const CUdeviceptr data = allocate(2);
  unsigned pageable[2] = {1, 2};
  const CUstream s = stream();
  const CUstream other = stream();
  ASSERT_EQ(cuMemsetD32Async(data, 7, 2, s), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 8, 2, other), SUCCESS);
  ASSERT_EQ(cuMemcpyHtoDAsync_v2(data, pageable, 4, s), SUCCESS);
  EXPECT_EQ(word(data), 1U);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(pageable, data, 8, s), SUCCESS);
  EXPECT_EQ(pageable[1], 7U);
}

TEST_F(StreamsTest, RegisteredMemoryIsPinnedUntilItIsUnregistered) {
  const CUdeviceptr data = allocate(1);
  std::vector<unsigned> words(10, 3);
  const CUstream s = stream();
  ASSERT_EQ(cuMemHostRegister_v2(words.data(), 40, 0), SUCCESS);
  EXPECT_EQ(cuMemHostRegister_v2(words.data() + 9, 40, 0), ALREADY_REGISTERED);
  ASSERT_EQ(cuMemcpyHtoDAsync_v2(data, &words[9], 4, s), SUCCESS);
  EXPECT_NE(word(data), 3U);
  ASSERT_EQ(cuMemHostUnregister(words.data()), SUCCESS);
  EXPECT_EQ(word(data), 3U) << "what used it has run";
  EXPECT_EQ(cuMemHostUnregister(words.data()), NOT_REGISTERED);
  words[9] = 4;
  ASSERT_EQ(cuMemcpyHtoDAsync_v2(data, &words[9], 4, s), SUCCESS);
  EXPECT_EQ(word(data), 4U);
}

TEST_F(StreamsTest, AStreamWaitsForTheEventOfAnother) {
  const CUdeviceptr data = allocate(1);
  const CUstream first = stream();
  const CUstream second = stream();
  const CUevent e = event();
  ASSERT_EQ(cuStreamWaitEvent(second, e, 0), SUCCESS) << "never recorded: nothing to wait for";
  ASSERT_EQ(cuMemsetD32Async(data, 1, 1, first), SUCCESS);
  ASSERT_EQ(cuEventRecord(e, first), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 3, 1, first), SUCCESS);
  ASSERT_EQ(cuStreamWaitEvent(second, e, 0), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 2, 1, second), SUCCESS);
  ASSERT_EQ(cuEventDestroy_v2(e), SUCCESS);
  ASSERT_EQ(cuStreamSynchronize(second), SUCCESS);
  EXPECT_EQ(word(data), 2U) << "up to the event, and no further";
  ASSERT_EQ(cuStreamSynchronize(first), SUCCESS);
  EXPECT_EQ(word(data), 3U);
}

TEST_F(StreamsTest, QueriesRefuseTwiceAndThenAllIsDone) {
  const CUdeviceptr data = allocate(1);
  const CUstream s = stream();
  const CUevent e = event();
  EXPECT_EQ(cuStreamQuery(s), SUCCESS);
  EXPECT_EQ(cuEventQuery(e), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 1, 1, s), SUCCESS);
  ASSERT_EQ(cuEventRecord(e, s), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 2, 1, s), SUCCESS);
  EXPECT_EQ(cuEventQuery(e), NOT_READY);
  EXPECT_EQ(cuEventQuery(e), NOT_READY);
  EXPECT_EQ(cuEventQuery(e), SUCCESS);
  EXPECT_EQ(word(data), 1U);
  EXPECT_EQ(cuStreamQuery(s), NOT_READY);
  EXPECT_EQ(cuStreamQuery(s), NOT_READY);
  EXPECT_EQ(cuStreamQuery(s), SUCCESS);
  EXPECT_EQ(word(data), 2U);
}

TEST_F(StreamsTest, TheNullStreamAndBlockingStreamsWaitForEachOtherAndNonBlockingOnesDoNot) {
  const CUdeviceptr data = allocate(3);
  const CUstream blocking = stream(0);
  const CUstream other = stream(1);
  ASSERT_EQ(cuMemsetD32Async(data, 1, 1, blocking), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data + 4, 1, 1, other), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data + 8, 1, 1, nullptr), SUCCESS);
  EXPECT_EQ(word(data), 1U);
  EXPECT_NE(word(data + 8), 1U);
  ASSERT_EQ(cuMemsetD32Async(data, 2, 1, blocking), SUCCESS);
  EXPECT_EQ(word(data + 8), 1U);
  unsigned read = 0;
  ASSERT_EQ(cuMemcpyDtoH_v2(&read, data, 4), SUCCESS);
  EXPECT_EQ(read, 2U);
  EXPECT_NE(word(data + 4), 1U);
  ASSERT_EQ(cuCtxSynchronize(), SUCCESS);
  EXPECT_EQ(word(data + 4), 1U);
}

TEST_F(StreamsTest, ALaunchKeepsItsParametersAndRunsInOrder) {
  const CUdeviceptr data = allocate(64);
  const CUstream s = stream();
  const CUfunction reverse = function("test_reverse");
  unsigned* words = pinned(64, 100);
  ASSERT_EQ(cuMemcpyHtoDAsync_v2(data, words, 256, s), SUCCESS);
  ASSERT_EQ(launch(reverse, data, 0, 2, 32, s), SUCCESS);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(words, data, 256, s), SUCCESS);
  EXPECT_EQ(calls("cuLaunchKernel@run"), 0U);
  EXPECT_EQ(launches("test_reverse"), 1U);
  ASSERT_EQ(cuStreamSynchronize(s), SUCCESS);
  EXPECT_EQ(calls("cuLaunchKernel@run"), 1U);
  EXPECT_EQ(words[0], 131U);
  EXPECT_EQ(words[63], 132U);
}

TEST_F(StreamsTest, FreeingInStreamOrderTakesEffectInStreamOrder) {
  const CUstream s = stream();
  CUdeviceptr data = 0;
  unsigned* target = pinned(1);
  ASSERT_EQ(cuMemAllocAsync(&data, 4, s), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, s), SUCCESS);
  ASSERT_EQ(cuMemcpyDtoHAsync_v2(target, data, 4, s), SUCCESS);
  ASSERT_EQ(cuMemFreeAsync(data, s), SUCCESS);
  EXPECT_EQ(context_->memory.usage().allocations, 1U);
  ASSERT_EQ(cuStreamSynchronize(s), SUCCESS);
  EXPECT_EQ(context_->memory.usage().allocations, 0U);
  EXPECT_EQ(target[0], 7U);
}

TEST_F(StreamsTest, UseAfterAFreeInTheSameStreamIsAnErrorOfTheWait) {
  const CUstream s = stream();
  CUdeviceptr data = 0;
  ASSERT_EQ(cuMemAllocAsync(&data, 4, s), SUCCESS);
  ASSERT_EQ(cuMemFreeAsync(data, s), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, s), SUCCESS) << "it is still alive";
  EXPECT_EQ(cuStreamSynchronize(s), ILLEGAL_ADDRESS);
  EXPECT_EQ(cuCtxSynchronize(), ILLEGAL_ADDRESS) << "for ever";
}

TEST_F(StreamsTest, AKernelThatWritesToFreedMemoryIsAnErrorOfTheWait) {
  NOT_UNDER_THE_SANITIZER;
  const CUstream s = stream();
  CUdeviceptr data = 0;
  ASSERT_EQ(cuMemAllocAsync(&data, 256, s), SUCCESS);
  ASSERT_EQ(cuMemFreeAsync(data, s), SUCCESS);
  ASSERT_EQ(launch(function("test_reverse"), data, 0, 1, 32, s), SUCCESS);
  ASSERT_EQ(launch(function("test_write_past_end"), data, 3, 1, 1, s), SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(s), ILLEGAL_ADDRESS);
}

TEST_F(StreamsTest, AllocationWaitsForWhatTheSameStreamFreesBeforeItRunsOut) {
  context_->memory.set_total(1000);
  const CUstream s = stream();
  const CUstream other = stream();
  CUdeviceptr first = 0;
  CUdeviceptr second = 0;
  ASSERT_EQ(cuMemAllocAsync(&first, 600, s), SUCCESS);
  ASSERT_EQ(cuMemFreeAsync(first, s), SUCCESS);
  EXPECT_EQ(cuMemAlloc_v2(&second, 600), OUT_OF_MEMORY);
  EXPECT_EQ(cuMemAllocAsync(&second, 600, other), OUT_OF_MEMORY);
  EXPECT_EQ(cuMemAllocAsync(&second, 600, s), SUCCESS);
}

TEST_F(StreamsTest, MemFreeWaitsForEveryStream) {
  const CUdeviceptr data = allocate(1);
  const CUdeviceptr other = allocate(1);
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, stream()), SUCCESS);
  ASSERT_EQ(cuMemFree_v2(other), SUCCESS);
  EXPECT_EQ(word(data), 7U);
  EXPECT_EQ(cuMemFree_v2(other), INVALID_VALUE);
  EXPECT_EQ(cuMemFree_v2(data + 4), INVALID_VALUE);
  EXPECT_EQ(cuMemFree_v2(0), SUCCESS);
}

TEST_F(StreamsTest, WhatADestroyedStreamStillHoldsRunsLater) {
  const CUdeviceptr data = allocate(1);
  const CUstream s = stream();
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, s), SUCCESS);
  ASSERT_EQ(cuStreamDestroy_v2(s), SUCCESS);
  EXPECT_NE(word(data), 7U);
  EXPECT_EQ(cuStreamSynchronize(s), INVALID_HANDLE);
  EXPECT_EQ(cuStreamDestroy_v2(s), INVALID_HANDLE);
  ASSERT_EQ(cuCtxSynchronize(), SUCCESS);
  EXPECT_EQ(word(data), 7U);
}

TEST_F(StreamsTest, EventsTellTheTimeBetweenThem) {
  const CUstream s = stream();
  const CUevent start = event();
  const CUevent end = event();
  float milliseconds = -1;
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, start, end), INVALID_HANDLE);
  ASSERT_EQ(cuEventRecord(start, s), SUCCESS);
  ASSERT_EQ(cuEventRecord(end, s), SUCCESS);
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, start, end), NOT_READY);
  ASSERT_EQ(cuEventSynchronize(end), SUCCESS);
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, start, end), SUCCESS);
  EXPECT_GE(milliseconds, 0.0F);
  EXPECT_EQ(cuEventDestroy_v2(start), SUCCESS);
  EXPECT_EQ(cuEventDestroy_v2(start), INVALID_HANDLE);
  const CUevent untimed = event(2);
  ASSERT_EQ(cuEventRecord(untimed, s), SUCCESS);
  EXPECT_EQ(cuEventElapsedTime(&milliseconds, end, untimed), INVALID_HANDLE);
}

TEST_F(StreamsTest, EagerStreamsRunEachOperationAtOnce) {
  set_stream_settings({.eager = true});
  const CUdeviceptr data = allocate(1);
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, stream()), SUCCESS);
  EXPECT_EQ(word(data), 7U);
}

TEST_F(StreamsTest, AKernelThatGoesWrongIsAnErrorOfTheWaitAndOfEveryCallAfterIt) {
  NOT_UNDER_THE_SANITIZER;
  const CUdeviceptr data = allocate(8);
  const CUstream s = stream();
  ASSERT_EQ(launch(function("test_write_past_end"), data, 8, 1, 1, s), SUCCESS);
  ASSERT_EQ(cuMemsetD32Async(data, 7, 1, s), SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(s), ILLEGAL_ADDRESS);
  EXPECT_NE(word(data), 7U) << "nothing runs any more";
  CUdeviceptr more = 0;
  EXPECT_EQ(cuMemAlloc_v2(&more, 4), ILLEGAL_ADDRESS);
}

TEST_F(StreamsTest, ABarrierThatIsNotReachedIsALaunchFailure) {
  ASSERT_EQ(launch(function("test_divergent_barrier"), allocate(1), 1, 1, 64, nullptr), SUCCESS);
  EXPECT_EQ(cuCtxSynchronize(), LAUNCH_FAILED);
}

TEST_F(StreamsTest, FaultsOnDemandStrikeCallsAndWhatRunsLater) {
  const CUdeviceptr data = allocate(1);
  const CUstream s = stream();
  fail("cuMemsetD32Async", 2, OUT_OF_MEMORY);
  EXPECT_EQ(cuMemsetD32Async(data, 1, 1, s), SUCCESS);
  EXPECT_EQ(cuMemsetD32Async(data, 1, 1, s), OUT_OF_MEMORY);
  fail("cuMemsetD32Async@run", 2, 715);
  EXPECT_EQ(cuMemsetD32Async(data, 2, 1, s), SUCCESS);
  EXPECT_EQ(cuStreamSynchronize(s), 715);
  EXPECT_EQ(word(data), 1U);
  EXPECT_EQ(cuStreamSynchronize(s), 715);
}

}  // namespace
}  // namespace coppice::emulator
