package strategy

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// PanicError is a panic of a strategy's own code.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Where is the line that panicked, such as "tide.(*state).OnCandle, tide.go:54"; ""
	// if that is not known.
	Where string
	// Stack is how it came there.
	Stack []byte
}

// NewPanicError returns the error of a recovered panic, with the stack of the
// recovering function's caller.
func NewPanicError(value any) *PanicError {
	return &PanicError{Value: value, Where: panicked(), Stack: debug.Stack()}
}

// Error implements error; the stack is left to the log.
func (e *PanicError) Error() string {
	text := fmt.Sprintf("the strategy panicked: %v", e.Value)
	if e.Where == "" {
		return text
	}
	return text + " (" + e.Where + ")"
}

// deepest is how many frames of a stack are looked at.
const deepest = 64

// panicked returns the function and the line that the newest panic comes from: the
// first below it that is not of Go itself.
func panicked() string {
	calls := make([]uintptr, deepest)
	frames := runtime.CallersFrames(calls[:runtime.Callers(0, calls)])
	below := false
	for {
		f, more := frames.Next()
		ofGo := strings.HasPrefix(f.Function, "runtime.")
		if below && !ofGo && f.Function != "" {
			name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
			return fmt.Sprintf("%s, %s:%d", name, filepath.Base(f.File), f.Line)
		}
		below = below || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
