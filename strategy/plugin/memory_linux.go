package plugin

import (
	"fmt"
	"os"

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
