package dev.coppice.spi;

/**
 * Where on a CUDA device a tensor's bytes begin.
 *
 * @param device the device's ordinal, as {@code --device} counts
 * @param address what the driver API calls a {@code CUdeviceptr}
 */
public record DeviceAddress(int device, long address) {}
