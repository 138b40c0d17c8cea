package pluginhost

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// output writes what a plugin prints to the log, line by line. Lines are cut,
// and floods are counted and dropped: a plugin cannot fill a disk.
type output struct {
	logger *slog.Logger
	limit  int
	rate   int
	now    func() time.Time

	mu      sync.Mutex
	line    []byte
	cut     bool
	second  time.Time
	lines   int
	dropped int
	// cause is the line that best tells why the process ended.
	cause string
}

// Write implements io.Writer; it never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte{'\n'})
		if room := o.limit - len(o.line); len(part) > room {
			part, o.cut = part[:room], true
		}
		o.line = append(o.line, part...)
		if ended {
			o.flush()
		}
		rest = after
	}
	return len(p), nil
}

// flush logs the line that has come together.
func (o *output) flush() {
	text := strings.ToValidUTF8(strings.TrimSpace(string(o.line)), "�")
	if o.cut {
		text += " …"
	}
	o.line, o.cut = o.line[:0], false
	if text == "" {
		return
	}
	if fatal(text) || !fatal(o.cause) {
		o.cause = text
	}
	if now := o.now(); now.Sub(o.second) >= time.Second {
		if o.dropped > 0 {
			o.logger.Warn("plugin prints too much", "dropped_lines", o.dropped)
		}
		o.second, o.lines, o.dropped = now, 0, 0
	}
	if o.lines++; o.lines > o.rate {
		o.dropped++
		return
	}
	if fatal(text) || strings.HasPrefix(text, "[ERROR]") {
		o.logger.Warn("plugin output", "line", text)
		return
	}
	o.logger.Info("plugin output", "line", text)
}

// why returns the line that best tells why the process ended, or "".
func (o *output) why() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}

// fatal reports whether the Go runtime says with this line that it gives up.
func fatal(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "runtime/cgo: ")
}
