package ratelimit_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lunobot/lunobot/saas/ratelimit"
)

// clock stands still until it is moved.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(1_700_000_000, c.at.Load()) }
func (c *clock) move(by time.Duration) { c.at.Add(int64(by)) }
func (c *clock) since() time.Duration  { return time.Duration(c.at.Load()) }

func limiter(t interface {
	Helper()
	Fatal(args ...any)
}, c *clock, keys int, r ...ratelimit.Rate) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(ratelimit.Config{Keys: keys, Now: c.now, Rates: r})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// proves R1: of many requests at one moment exactly the burst is admitted.
func TestABurstAtOnce(t *testing.T) {
	t.Parallel()
	l := limiter(t, &clock{}, 0, ratelimit.Rate{Burst: 30, PerMinute: 60})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if l.Admit("a").Wait == 0 {
				admitted.Add(1)
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 30 {
		t.Errorf("%d were admitted, want 30", admitted.Load())
	}
	if v := l.Admit("b"); v.Wait != 0 || v.Left[0] != 29 {
		t.Errorf("another key hears %+v", v)
	}
}

// proves R1, R3, R4: whatever comes when, no more is admitted than the rate gives;
// what is refused is not counted; who waits as long as is said is admitted.
func TestRatesHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := ratelimit.Rate{Burst: rapid.IntRange(1, 20).Draw(t, "burst"), PerMinute: rapid.IntRange(1, 1000).Draw(t, "per minute")}
		c := &clock{}
		l := limiter(t, c, 0, r)
		admitted := 0
		for range rapid.IntRange(1, 60).Draw(t, "requests") {
			c.move(time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "pause")))
			v := l.Admit("k")
			if v.Wait == 0 {
				admitted++
			} else {
				if again := l.Admit("k"); again.Wait != v.Wait {
					t.Fatalf("a refusal was counted: the wait was %s and is %s", v.Wait, again.Wait)
				}
				c.move((v.Wait + time.Second - 1).Truncate(time.Second)) // as Retry-After says it
				if v := l.Admit("k"); v.Wait != 0 {
					t.Fatalf("after the wait it waits another %s", v.Wait)
				}
				admitted++
			}
			if most := float64(r.Burst) + c.since().Minutes()*float64(r.PerMinute) + 1e-6; float64(admitted) > most {
				t.Fatalf("%d were admitted in %s, and %.3f may be", admitted, c.since(), most)
			}
			if v.Left[0] < 0 || v.Left[0] >= r.Burst || v.Full[0] < 0 || v.Full[0] > r.Window() {
				t.Fatalf("it says %+v of %+v", v, r)
			}
		}
	})
}

// proves R4: a request counts for all rates or for none.
func TestAllRatesOrNone(t *testing.T) {
	t.Parallel()
	c := &clock{}
	l := limiter(t, c, 0, ratelimit.Rate{Burst: 2, PerMinute: 60}, ratelimit.Rate{Burst: 3, PerMinute: 60})
	for i, step := range []struct {
		keys [2]string
		wait time.Duration
		left [2]int
	}{
		{[2]string{"a", "s"}, 0, [2]int{1, 2}},
		{[2]string{"a", "s"}, 0, [2]int{0, 1}},
		{[2]string{"a", "s"}, time.Second, [2]int{0, 1}}, // the first rate refuses, the second is not used
		{[2]string{"b", "s"}, 0, [2]int{1, 0}},
		{[2]string{"c", "s"}, time.Second, [2]int{2, 0}}, // the other way round
		{[2]string{"c", "other"}, 0, [2]int{1, 2}},
	} {
		if v := l.Admit(step.keys[0], step.keys[1]); v.Wait != step.wait || [2]int(v.Left) != step.left {
			t.Errorf("step %d: %+v, want %+v", i, v, step)
		}
	}
}

// proves R8: however many keys come, memory holds as many as were asked for, and
// those that are in use are not forgotten.
func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	l := limiter(t, &clock{}, 100, ratelimit.Rate{Burst: 1, PerMinute: 1})
	for i := range 10_000 {
		l.Admit(fmt.Sprint("stranger ", i))
		if v := l.Admit("regular"); (v.Wait == 0) != (i == 0) {
			t.Fatalf("after %d strangers the regular was forgotten", i)
		}
		if l.Len() > 200 {
			t.Fatalf("%d keys are remembered", l.Len())
		}
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	t.Parallel()
	_, err := ratelimit.New(ratelimit.Config{Keys: -1, Rates: []ratelimit.Rate{{Burst: 0, PerMinute: 1}}})
	for _, want := range []string{"Config.Keys", "Config.Now", "Config.Rates[0]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := ratelimit.New(ratelimit.Config{Now: time.Now}); err == nil {
		t.Error("a limiter without rates was built")
	}
}
