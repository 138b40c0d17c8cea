package plugin

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NewMemory returns memory for one plugin's process. Where the system has none
// of this kind, the error is errors.ErrUnsupported, and backtests go without.
func NewMemory() (*Memory, error) {
	fd, err := unix.MemfdCreate("lunobot-backtest", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("plugin: making memory to share: %w", err)
	}
	file := os.NewFile(uintptr(fd), "memory")
	err = file.Truncate(int64(memoryBytes))
	if err == nil {
		_, err = unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("plugin: sizing memory to share: %w", err)
	}
	return mapMemory(file)
}

// mapMemory takes over the file.
func mapMemory(file *os.File) (*Memory, error) {
	info, err := file.Stat()
	if err == nil && info.Size() != int64(memoryBytes) {
		err = fmt.Errorf("it has %d bytes instead of %d", info.Size(), memoryBytes)
	}
	var bytes []byte
	if err == nil {
		bytes, err = unix.Mmap(int(file.Fd()), 0, memoryBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("plugin: mapping the shared memory: %w", err)
	}
	return &Memory{file: file, bytes: bytes}, nil
}

func unmapMemory(bytes []byte) error { return unix.Munmap(bytes) }

// presentProcessor returns 1 more than the number of the processor that the
// caller is on, 0 if the system does not say.
func presentProcessor() uint32 {
	var number uint32
	if _, _, failed := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&number)), 0, 0); failed != 0 { //nolint:gosec // the call takes an address
		return 0
	}
	return number + 1
}

// stepAside moves the caller's thread off the processor that the engine is on, if
// it woke there, and leaves it free to go anywhere later. The system should have
// woken it elsewhere, but the kernel of a virtual machine often takes a processor
// that is idle for one that the machine has not got at the moment: of a run in
// which host and plugin take turns so, a sixth of the time went to waiting for a
// processor beside one that was idle. Where it fails, all stays as it is.
func stepAside(engine uint32) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if engine == 0 || presentProcessor() != engine {
		return
	}
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return
	}
	others := all
	others.Clear(int(engine - 1))
	if unix.SchedSetaffinity(0, &others) == nil {
		_ = unix.SchedSetaffinity(0, &all)
	}
}
