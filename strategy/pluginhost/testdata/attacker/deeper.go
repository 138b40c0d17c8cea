package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deeper are attempts below what Go's own packages offer.
func deeper() map[string]func(target string) error {
	return map[string]func(target string) error{
		"shared memory": func(string) error { return mapped(unix.MAP_SHARED | unix.MAP_ANONYMOUS) },
		"stack memory":  func(string) error { return mapped(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_GROWSDOWN) },
		"memory file":   func(string) error { return closingFile(unix.MemfdCreate("x", 0)) },
		"segment":       func(string) error { _, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1<<30, 0o600); return err },
		"queue":         func(string) error { return call(unix.SYS_MQ_OPEN) },
		"other program": otherProgram,
		"rights":        func(t string) error { return unix.Chmod(t, 0o777) },
		"owner":         func(t string) error { return unix.Lchown(t, -1, -1) },
		"times":         func(t string) error { return unix.Utimes(t, make([]unix.Timeval, 2)) },
		"attribute":     func(t string) error { return unix.Setxattr(t, "user.x", []byte("x"), 0) },
		"attributes":    func(t string) error { _, err := unix.Listxattr(t, nil); return err },
		"watch":         func(string) error { return closingFile(unix.InotifyInit1(0)) },
		"mounts":        func(string) error { return call(458) }, // listmount
		"fault":         func(string) error { return call(unix.SYS_USERFAULTFD) },
		"look into":     lookInto,
		"hold":          func(t string) error { pid, _ := strconv.Atoi(t); return closingFile(unix.PidfdOpen(pid, 0)) },
		"session":       func(string) error { _, err := unix.Setsid(); return err },
		"link":          func(t string) error { return os.Symlink(t, filepath.Join(own(), "link")) },
		"hard link":     func(t string) error { return os.Link(t, filepath.Join(own(), "link")) },
		"directory":     func(string) error { return os.Mkdir(filepath.Join(own(), "further"), 0o700) },
		"pipe":          func(string) error { return unix.Mkfifo(filepath.Join(own(), "pipe"), 0o600) },
		"door":          func(t string) error { return closing(net.Listen("unix", filepath.Join(t, "door of its own"))) },
		"hidden memory": hiddenMemory,
		"page tables":   pageTables,
		"first thread":  firstThread,
		"many files":    manyFiles,
		"nameless":      nameless,
		"unlinked":      unlinked,
		"requests": func(string) error {
			return calls(unix.SYS_IO_SETUP, unix.SYS_IO_DESTROY, unix.SYS_IO_SUBMIT, unix.SYS_IO_GETEVENTS, unix.SYS_IO_PGETEVENTS, unix.SYS_IO_CANCEL)
		},
		"sync": func(string) error { return calls(unix.SYS_SYNC, unix.SYS_SYNCFS) },
		"pair": pair,
	}
}

// own is the only directory that it may write.
func own() string { return os.Getenv("PLUGIN_UNIX_SOCKET_DIR") }

// calls is refused if each of them is.
func calls(numbers ...uintptr) (err error) {
	for _, n := range numbers {
		if err = call(n); err == nil {
			return nil
		}
	}
	return err
}

func closingFile(fd int, err error) error {
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func mapped(flags int) error {
	b, err := unix.Mmap(-1, 0, 1<<30, unix.PROT_READ|unix.PROT_WRITE, flags)
	if err == nil {
		_ = unix.Munmap(b)
	}
	return err
}

// otherProgram runs what lies at the descriptor from which the sandbox ran this program:
// it is no program, which the system says only to those whom it lets try.
func otherProgram(string) error {
	const program = 5
	empty, argument := []byte{0}, []byte("x\x00")
	argv, envv := []*byte{&argument[0], nil}, []*byte{nil}
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, program, uintptr(unsafe.Pointer(&empty[0])), uintptr(unsafe.Pointer(&argv[0])),
		uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	if errno == unix.EPERM {
		return errno
	}
	return nil
}

func lookInto(target string) error {
	pid, err := strconv.Atoi(target)
	if err != nil {
		return err
	}
	b := make([]byte, 8)
	_, err = unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &b[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b[0])), Len: 8}}, 0)
	return err
}

// nameless makes files one after another that have no name any more, and keeps them by
// its memory.
func nameless(string) error {
	for n := range 60_000 {
		path := filepath.Join(own(), "nameless")
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|(n&1)<<1, unix.MAP_SHARED)
		_ = f.Close()
		_ = os.Remove(path)
		if err != nil {
			return err
		}
	}
	return nil
}

// pair sends to a socket of others from one end of a pair.
func pair(target string) error {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _, _ = unix.Close(ends[0]), unix.Close(ends[1]) }()
	return unix.Sendto(ends[0], []byte("x"), 0, &unix.SockaddrUnix{Name: target})
}

// hiddenMemory writes memory and makes it read-only, which takes it out of what the
// kernel's limit counts.
func hiddenMemory(string) error {
	const block = 64 << 20
	for n := range 96 {
		b, err := unix.Mmap(-1, 0, block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
		if err != nil {
			return err
		}
		if err := unix.Mprotect(b, unix.PROT_READ); err != nil {
			return err
		}
		if n >= 8 { // more than it may have: it waits for what comes
			var pause unix.Timespec
			pause.Nsec = 100_000_000
			_ = unix.Nanosleep(&pause, nil)
		}
	}
	return nil
}

// firstThread takes memory when the thread whose number is the process's has ended.
func firstThread(t string) error {
	close(leave)
	return hiddenMemory(t)
}

// pageTables reads a byte here and there of memory that it never writes: each takes a page
// table, and the memory none.
func pageTables(string) error {
	const each, block = 2 << 20, 16_384 * 2 << 20
	for n := range 96 {
		b, err := unix.Mmap(-1, 0, block, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			return err
		}
		var sum byte
		for at := 0; at < len(b); at += each {
			sum += b[at]
		}
		if n >= 8 && sum == 0 { // as above
			var pause unix.Timespec
			pause.Nsec = 100_000_000
			_ = unix.Nanosleep(&pause, nil)
		}
	}
	return nil
}

// unlinked writes a file that stays mapped when its name and descriptor are gone.
func unlinked(string) error {
	f, err := os.Create(filepath.Join(own(), "unlinked"))
	if err != nil {
		return nil //nolint:nilerr // files it may make
	}
	defer func() { _ = f.Close() }()
	if err := os.Remove(f.Name()); err != nil {
		return nil //nolint:nilerr // as above
	}
	if _, err := f.Write([]byte("x")); err != nil {
		return err
	}
	_, err = unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	return err
}

// manyFiles makes files one after another.
func manyFiles(string) error {
	for n := range 1_000 {
		if err := os.WriteFile(filepath.Join(own(), strconv.Itoa(n)), nil, 0o600); err != nil {
			return err
		}
		if n >= 100 { // as above
			var pause unix.Timespec
			pause.Nsec = 10_000_000
			_ = unix.Nanosleep(&pause, nil)
		}
	}
	return nil
}
