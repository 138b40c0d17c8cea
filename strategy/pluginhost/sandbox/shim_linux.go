package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Serve makes this process the program that it was started for, shut in, if it
// is the shim; otherwise it returns at once. Call it first in main.
func Serve() Shim {
	text, ordered := os.LookupEnv(variable)
	if len(os.Args) != 2 || os.Args[1] != argument || !ordered {
		return Shim{path: "/proc/self/exe"}
	}
	runtime.LockOSThread()
	var o orders
	err := json.Unmarshal([]byte(text), &o)
	what := "the sandbox could not be closed:"
	if err == nil && o.Probe {
		err = probe()
	} else if err == nil {
		var run func() error
		if run, err = become(o); err == nil {
			what = "no program that this system can start, but a script or one for another system:"
			err = run()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, what, err)
		os.Exit(ExitRefused)
	}
	os.Exit(0)
	return Shim{}
}

// probe tells what the system can do.
func probe() error {
	var got found
	version, err := ll.LandlockGetABIVersion()
	got.Landlock = err == nil && version >= 1
	got.Seccomp = filterWorks()
	return json.NewEncoder(os.Stdout).Encode(got)
}

// become shuts the process in and returns what runs the program in its place.
func become(o orders) (func() error, error) {
	unix.CloseOnExec(programDescriptor)
	if err := os.Chdir(o.Directory); err != nil {
		return nil, err
	}
	if err := bound(o); err != nil {
		return nil, err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("no new privileges: %w", err)
	}
	if o.Landlock {
		if err := restrict(o); err != nil {
			return nil, fmt.Errorf("landlock: %w", err)
		}
	}
	var secret [8]byte
	_, _ = rand.Read(secret[:]) // it never fails
	key := binary.NativeEndian.Uint64(secret[:])
	run, err := program(o, uintptr(key))
	if err != nil {
		return nil, err
	}
	if o.Seccomp {
		if err := filter(uint64(uintptr(key))); err != nil {
			return nil, fmt.Errorf("seccomp: %w", err)
		}
	}
	// This process counts too, and may hold more than the program is to have:
	// nothing that comes after this allocates.
	if err := limit(unix.RLIMIT_DATA, o.Limits.Memory); err != nil {
		return nil, err
	}
	return run, nil
}

// mainStack is how large the stack of a program's first thread may become, in bytes: the
// limit of its data does not count it. It counts those of the others, which C's library
// makes as large as this one may become: with 8 MiB a few dozen threads would take it all.
const mainStack = 2 << 20

// bound sets the limits but that of memory.
func bound(o orders) error {
	limits := map[int]int64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: o.Limits.Files,
		unix.RLIMIT_FSIZE: 0,                        // a file that is unlinked takes room where nobody counts it
		unix.RLIMIT_NICE:  0, unix.RLIMIT_RTPRIO: 0, // the host's right to more than its share is not the program's
	}
	if o.Namespaces { // else they would count all of the user's
		limits[unix.RLIMIT_NPROC] = o.Limits.Threads
	}
	for resource, most := range limits {
		if err := limit(resource, most); err != nil {
			return err
		}
	}
	var stack unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		return fmt.Errorf("limit of the stack: %w", err)
	}
	return limit(unix.RLIMIT_STACK, int64(min(stack.Max, mainStack)))
}

func limit(resource int, most int64) error {
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: uint64(most), Max: uint64(most)}); err != nil {
		return fmt.Errorf("limit %d: %w", resource, err)
	}
	return nil
}

// rights are the accesses to files that Landlock knows, by the version in which
// each came.
func rights(version int) uint64 {
	all := uint64(ll.AccessFSExecute | ll.AccessFSWriteFile | ll.AccessFSReadFile | ll.AccessFSReadDir | ll.AccessFSRemoveDir | ll.AccessFSRemoveFile |
		ll.AccessFSMakeChar | ll.AccessFSMakeDir | ll.AccessFSMakeReg | ll.AccessFSMakeSock | ll.AccessFSMakeFifo | ll.AccessFSMakeBlock | ll.AccessFSMakeSym)
	for since, more := range map[int]uint64{2: ll.AccessFSRefer, 3: ll.AccessFSTruncate, 5: ll.AccessFSIoctlDev, 9: ll.AccessFSResolveUnix} {
		if version >= since {
			all |= more
		}
	}
	return all
}

// restrict leaves the files that a program needs. It concerns this thread only,
// which is the one that becomes the program.
func restrict(o orders) error {
	version, err := ll.LandlockGetABIVersion()
	if err != nil {
		return err
	}
	attr := ll.RulesetAttr{HandledAccessFS: rights(version)}
	if version >= 4 {
		attr.HandledAccessNet = ll.AccessNetBindTCP | ll.AccessNetConnectTCP
	}
	if version >= 6 {
		attr.Scoped = ll.ScopeAbstractUnixSocket | ll.ScopeSignal
	}
	ruleset, err := ll.LandlockCreateRuleset(&attr, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(ruleset) }()
	const (
		read  = ll.AccessFSReadFile
		list  = ll.AccessFSReadDir
		run   = ll.AccessFSExecute
		write = ll.AccessFSWriteFile | ll.AccessFSRemoveFile | ll.AccessFSMakeReg | ll.AccessFSMakeSock
	)
	// No directory of the program's own may hold something that can be run.
	if err := allow(ruleset, read|list|write, o.Directory); err != nil {
		return err
	}
	if err := allow(ruleset, read|ll.AccessFSWriteFile, "/dev/null"); err != nil {
		return err
	}
	if !o.Sealed { // sealed memory lies on no file system, and needs no rule
		if err := allow(ruleset, read|run, "/proc/self/fd/"+strconv.Itoa(programDescriptor)); err != nil {
			return err
		}
	}
	// What is not on this system is not needed on it.
	for _, path := range []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64"} { // the dynamic linker and its libraries
		if err := allow(ruleset, read|list|run, path); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	for _, path := range []string{"/etc/ld.so.cache", "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"} {
		if err := allow(ruleset, read, path); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return ll.LandlockRestrictSelf(ruleset, 0)
}

// allow adds a file, or all that lies below a directory, to a ruleset.
func allow(ruleset int, access uint64, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := ll.LandlockAddPathBeneathRule(ruleset, &ll.PathBeneathAttr{AllowedAccess: access, ParentFd: fd}, 0); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// program returns what executes the program from its descriptor, which is closed
// by that, with the key of the filter.
func program(o orders, key uintptr) (run func() error, err error) {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, variable+"=") {
			env = append(env, entry)
		}
	}
	// The collector shall work harder before the limit ends the process.
	env = append(env, "GOMEMLIMIT="+strconv.FormatInt(o.Limits.Memory*8/10, 10))
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return nil, err
	}
	argv, err := syscall.SlicePtrFromStrings(o.Args)
	if err != nil {
		return nil, err
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return nil, err
	}
	return func() error {
		_, _, errno := syscall.Syscall6(unix.SYS_EXECVEAT, programDescriptor, uintptr(unsafe.Pointer(empty)), //nolint:gosec // what the call takes
			uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, key) //nolint:gosec // as above
		return fmt.Errorf("running %s: %w", o.Args[0], errno)
	}, nil
}
