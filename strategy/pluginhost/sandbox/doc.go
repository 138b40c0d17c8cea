// Package sandbox runs a stranger's program so that it can lose its own time and
// nothing else (rule PL6).
//
// It owns the shim: this program, executed again, shuts itself in and then
// becomes the stranger's. On Linux it does so by
//
//   - namespaces of its own for users, processes, networks and IPC, so that there
//     is nobody to talk to, and for a host that is root another user's identity;
//   - Landlock, which leaves of the files its own directory, /dev/null and the
//     libraries that a dynamically linked program loads;
//   - seccomp, which refuses every socket but a listening one of its own, every
//     new program and process, memory that no limit counts, changes to the rights, owners
//     and times of files, tracing, mounting, and what else a strategy has no use for;
//   - limits of memory, files and threads, no way to a higher priority, and no
//     privileges ever after.
//
// What a file is called, how large it is and when it was changed is not hidden: Landlock
// knows no right for that. It does not own who is run, nor the pipes, the processor time,
// what a process holds in all and its end (package pluginhost). Where the system lacks a part, Probe says which, and the policy
// whether that is good enough.
//
// Smallest use:
//
//	func main() {
//		shim := sandbox.Serve() // first of all: it does not return in the shim
//		...
//		cmd, err := shim.Command(sandbox.Spec{Program: file, Args: args, Directory: private})
//	}
package sandbox
