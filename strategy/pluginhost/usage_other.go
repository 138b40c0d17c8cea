//go:build !linux

package pluginhost

import "errors"

// residentMemory is for systems that shut processes in; here none is.
func residentMemory(int) (int64, error) { return 0, errors.ErrUnsupported }

// ended is for such systems, too.
func ended(error) bool { return true }

// filesIn is for such systems, too.
func filesIn(string, int) int { return 0 }
