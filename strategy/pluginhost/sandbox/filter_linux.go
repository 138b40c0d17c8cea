package sandbox

import (
	"fmt"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// refused are the system calls that no strategy has a use for: those that make
// processes or programs, look into others, change the system, or reach parts of
// the kernel where bugs were found before.
func refused() []string {
	return []string{
		"execve", "fork", "vfork",
		"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal",
		// A pair's end can send to whatever socket has a name, as a socket of datagrams can.
		"connect", "socketpair", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
		"add_key", "request_key", "keyctl", "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "open_tree", "move_mount",
		"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
		"reboot", "swapon", "swapoff", "acct", "quotactl", "open_by_handle_at", "name_to_handle_at", "personality", "modify_ldt", "iopl", "ioperm",
		"mknod", "mknodat", "fanotify_init", "syslog", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname",
		// Memory beside that which its limit counts, and programs in it.
		"memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "msgget", "semget", "mq_open",
		// The system's quota of requests that wait, and what has everybody's files written out.
		"io_setup", "io_destroy", "io_submit", "io_getevents", "io_pgetevents", "io_cancel", "sync", "syncfs",
		// What Landlock lets happen to any file: its rights, owner, times and attributes
		// changed, and whatever befalls it watched.
		"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat", "utime", "utimes", "futimesat", "utimensat",
		"setxattr", "lsetxattr", "fsetxattr", "setxattrat", "getxattr", "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr",
		"listxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_getattr", "file_setattr",
		"inotify_init", "inotify_init1", "inotify_add_watch", "fanotify_mark", "statmount", "listmount", "quotactl_fd", "open_tree_attr",
		"lookup_dcookie", "vmsplice", "move_pages", "migrate_pages", "mbind", "set_mempolicy", "vhangup", "nfsservctl", "uselib", "ustat", "_sysctl",
	}
}

// filter refuses system calls to this process and all that it becomes. A program is run
// by a call that has the key as its last argument, which the kernel does not look at:
// whoever does not know it runs none.
func filter(key uint64) error {
	info, err := arch.GetInfo("")
	if err != nil {
		return err
	}
	// The deny list below lets calls of another architecture through, such as the
	// 32-bit ones of an amd64 kernel. This one, which knows those of ours, does
	// not.
	ours := make([]string, 0, len(info.SyscallNames))
	for name := range info.SyscallNames {
		ours = append(ours, name)
	}
	if err := load(seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: ours}},
	}); err != nil {
		return err
	}
	var names []string
	for _, name := range refused() {
		if _, ok := info.SyscallNames[name]; ok {
			names = append(names, name)
		}
	}
	only := func(name string, argument uint32, op seccomp.Operation, value uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{{Argument: argument, Operation: op, Value: value}}}
	}
	const mapFlags = 3
	return load(seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
		{Action: seccomp.ActionErrno, Names: names},
		// Its arguments lie in memory, where no filter sees them: libraries fall
		// back to clone.
		{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
		{Action: seccomp.ActionErrno, NamesWithCondtions: []seccomp.NameWithConditions{
			// Threads are fine, processes are not.
			only("clone", 0, seccomp.BitsNotSet, unix.CLONE_THREAD),
			// It ends with its host.
			only("prctl", 0, seccomp.Equal, unix.PR_SET_PDEATHSIG),
			// A socket to listen at, and nothing that sends without a connection.
			only("socket", 0, seccomp.NotEqual, unix.AF_UNIX),
			only("socket", 1, seccomp.BitsSet, unix.SOCK_DGRAM),
			// The one program that is run is the one that the shim holds.
			only("execveat", 0, seccomp.NotEqual, programDescriptor),
			only("execveat", 4, seccomp.NotEqual, unix.AT_EMPTY_PATH),
			only("execveat", 5, seccomp.NotEqual, key),
			// Memory that the limit of a program's data does not count.
			only("mmap", mapFlags, seccomp.BitsSet, unix.MAP_GROWSDOWN),
			{Name: "mmap", Conditions: seccomp.ArgumentConditions{
				{Argument: mapFlags, Operation: seccomp.BitsSet, Value: unix.MAP_SHARED}, {Argument: mapFlags, Operation: seccomp.BitsSet, Value: unix.MAP_ANONYMOUS},
			}},
		}},
	}})
}

func load(p seccomp.Policy) error {
	if err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Policy: p}); err != nil {
		return fmt.Errorf("loading the filter: %w", err)
	}
	return nil
}

// filterWorks reports whether the filter can be loaded, by loading it.
func filterWorks() bool { return seccomp.Supported() && filter(0) == nil }
