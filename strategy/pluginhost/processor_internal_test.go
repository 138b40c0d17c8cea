package pluginhost

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/strategy/strategytest/machine"
)

// proves PL5: which use of processor time is a process's due, second by second, and when
// it is too much.
func TestMeter(t *testing.T) {
	t.Parallel()
	const (
		ms      = time.Millisecond
		between = "between its calls a strategy may use 25 % of a core"
		during  = "while it is called a strategy may use 2 of the machine's cores"
		both    = during + ", and " + between
	)
	for name, c := range map[string]struct {
		// used and busy are what is added in each second.
		used, busy time.Duration
		// ends is the second in which it is ended, 0 for never, and why is the bound of
		// which its end tells.
		ends int
		why  string
	}{
		"a process that sleeps":                             {0, 0, 0, ""},
		"its share for ever":                                {250 * ms, 0, 0, ""},
		"a little more than its share":                      {260 * ms, 0, 1001, between},
		"one core, not called":                              {1000 * ms, 0, 14, between},
		"all cores, not called":                             {8000 * ms, 0, 2, between},
		"two cores, called all the time":                    {2000 * ms, 1000 * ms, 0, ""},
		"all cores, called all the time":                    {8000 * ms, 1000 * ms, 2, during},
		"one core, called for two fifths":                   {1000 * ms, 400 * ms, 0, ""},
		"all cores, called for half":                        {8000 * ms, 500 * ms, 2, between},
		"four cores, called for nine tenths":                {4000 * ms, 900 * ms, 6, during},
		"one core, called for a tenth":                      {1000 * ms, 100 * ms, 19, both},
		"more than the machine has, as of another":          {time.Hour, 0, 2, between},
		"less than before, as of another":                   {-time.Hour, 0, 0, ""},
		"called for longer than the second, which is false": {8000 * ms, 5000 * ms, 2, during},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reading{at: time.UnixMilli(0), used: time.Minute, busy: time.Minute}
			m := newMeter(Processor{Cores: 2}.withDefaults(), 8, r)
			for second := 1; second <= 1100; second++ {
				r.at, r.used, r.busy = r.at.Add(time.Second), r.used+c.used, r.busy+c.busy
				err := m.judge(r)
				if err == nil {
					continue
				}
				if second != c.ends || !strings.Contains(err.Error(), "s: "+c.why) || !strings.HasSuffix(err.Error(), c.why) {
					t.Errorf("ended in second %d: %v", second, err)
				}
				return
			}
			if c.ends != 0 {
				t.Errorf("not ended in second %d", c.ends)
			}
		})
	}
}

// A burst is forgiven once enough time has passed, and the error tells of the newest one
// only.
func TestMeterForgives(t *testing.T) {
	t.Parallel()
	r := reading{at: time.UnixMilli(0)}
	m := newMeter(Processor{Cores: 2}.withDefaults(), 8, r)
	next := func(used, passed time.Duration) error {
		r.at, r.used = r.at.Add(passed), r.used+used
		return m.judge(r)
	}
	for range 10 {
		if err := next(9*time.Second, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		if err := next(0, 40*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := next(9*time.Second, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	err := next(4*time.Second, 2*time.Second)
	if want := "it used 13s of processor time in 4s, in which it was called for 0s: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is %v, want %q", err, want)
	}
}

// Calls that overlap count once; a process is idle from the end of the last one on.
func TestCallsAreCountedOnce(t *testing.T) {
	t.Parallel()
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	c := calls{last: at(0)}
	if got := c.idle(at(5)); got != 5*time.Second {
		t.Errorf("idle for %s", got)
	}
	c.begin(at(10))
	c.begin(at(12))
	c.end(at(14))
	if got := c.busy(at(15)); got != 5*time.Second || c.idle(at(15)) != 0 {
		t.Errorf("busy for %s, idle for %s", got, c.idle(at(15)))
	}
	c.end(at(16))
	c.begin(at(20))
	c.end(at(21))
	if got := c.busy(at(30)); got != 7*time.Second || c.idle(at(30)) != 9*time.Second {
		t.Errorf("busy for %s, idle for %s", got, c.idle(at(30)))
	}
}

// The system's count of a process's time goes on while it computes, and is an error for
// one that is not there.
func TestProcessorTime(t *testing.T) {
	t.Parallel()
	before, err := processorTime(os.Getpid())
	if err != nil {
		machine.Missing(t, "the processor time of a process", err)
	}
	for now := before; now < before+20*time.Millisecond; {
		for range 1000 {
			runtime.KeepAlive(now)
		}
		if now, err = processorTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := processorTime(1 << 22); err == nil {
		t.Error("a process that is not there has used time")
	}
}
