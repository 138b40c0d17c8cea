package machine_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// judged is a test that notes how it ended.
type judged struct {
	testing.TB

	failed, skipped string
}

func (j *judged) Helper() {}

func (j *judged) Fatalf(format string, args ...any) {
	j.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (j *judged) Skipf(format string, args ...any) {
	j.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// verdict returns how a test ends that calls fn.
func verdict(t *testing.T, fn func(j *judged)) *judged {
	t.Helper()
	j, done := &judged{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		fn(j)
		t.Error("the test goes on")
	}()
	<-done
	return j
}

// proves that what is missing is told, and is a failure where all is required.
func TestMissing(t *testing.T) {
	cause := errors.New("no such program")
	for value, fails := range map[string]bool{"": false, "0": false, "1": true} {
		t.Setenv("LUNOBOT_REQUIRE_SERVICES", value)
		got := verdict(t, func(j *judged) { machine.Missing(j, "Chromium", cause) })
		want := judged{TB: t, skipped: "skipped: Chromium is not to be had: no such program"}
		if fails {
			want = judged{TB: t, failed: "Chromium is required here and not to be had: no such program"}
		}
		if *got != want {
			t.Errorf("with %q: failed %q, skipped %q", value, got.failed, got.skipped)
		}
	}
	got := verdict(t, func(j *judged) { machine.Held(j, "nobody") })
	if got.failed == "" && got.skipped == "" {
		t.Error("a process that is not there holds memory")
	}
}

// proves that what a process holds is counted.
func TestMemory(t *testing.T) {
	const megabytes = 64 << 20
	own := strconv.Itoa(os.Getpid())
	machine.ForgetPeak(t)
	held, peak := machine.Held(t, own), machine.Peak(t)
	if held < 1<<20 || peak < held/2 {
		t.Fatalf("held %d, at most %d bytes", held, peak)
	}
	block := make([]byte, megabytes)
	for i := 0; i < len(block); i += 1 << 10 {
		block[i] = 1
	}
	if more := machine.Held(t, own) - held; more < megabytes*3/4 {
		t.Errorf("%d bytes more are held after %d were written", more, megabytes)
	}
	if more := machine.Peak(t) - peak; more < megabytes*3/4 {
		t.Errorf("the peak is %d bytes higher after %d were written", more, megabytes)
	}
	runtime.KeepAlive(block)
}
