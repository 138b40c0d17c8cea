package luno

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The bounds of the drift always hold the true one and become close, whatever the
// calls' times are; a clock that is set anew is noticed.
func TestClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c clock
		local := time.UnixMilli(1_700_000_000_000)
		if d := c.read(local); d.Known {
			t.Fatal("a drift is known before any answer")
		}
		ms := func(low, high int, name string) time.Duration {
			return time.Duration(rapid.IntRange(low, high).Draw(t, name)) * time.Millisecond
		}
		drift := ms(-100_000, 100_000, "drift")
		for range rapid.IntRange(2, 60).Draw(t, "calls") {
			sent := local.Add(ms(0, 5000, "pause"))
			made := sent.Add(ms(0, 300, "there"))
			local = made.Add(ms(0, 300, "back"))
			h := http.Header{"Date": {made.Add(drift).UTC().Format(http.TimeFormat)}}
			c.observe(h, sent, local)
			if d := c.read(local); !d.Known || drift < d.Least || drift > d.Most || d.Most-d.Least > resolution+600*time.Millisecond {
				t.Fatalf("drift %s, found %+v", drift, d)
			}
		}
		old := c.read(local)
		later := c.read(local.Add(time.Hour))
		if later.Least >= old.Least || later.Most <= old.Most {
			t.Fatalf("an hour later %+v is as sure as %+v", later, old)
		}
		c.observe(http.Header{"Date": {local.Add(drift + time.Hour).UTC().Format(http.TimeFormat)}}, local, local)
		if d := c.read(local); d.Least < drift+59*time.Minute {
			t.Fatalf("the clock was set, and the drift stays %+v", d)
		}
	})
}

// Answers without a time, or out of a cache, tell nothing.
func TestClockIgnores(t *testing.T) {
	t.Parallel()
	var c clock
	now := time.UnixMilli(1_700_000_000_000)
	for _, h := range []http.Header{{}, {"Date": {"yesterday"}}, {"Date": {now.UTC().Format(http.TimeFormat)}, "Age": {"3"}}} {
		c.observe(h, now, now)
	}
	if d := c.read(now); d.Known {
		t.Errorf("drift %+v", d)
	}
}
