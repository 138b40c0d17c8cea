package catalog

import (
	"io/fs"
	"syscall"
)

// changedAt is when the system changed a file's content or what it keeps about it
// last, in nanoseconds. Whoever may write to a file can set the time of its content
// as they like, but not this one.
func changedAt(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}
