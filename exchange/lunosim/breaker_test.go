package lunosim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/lunosim"
)

// A circuit breaker looks at the mean price of every window, weighted by volume, and
// halts the market for a window if it is more than its share from the one before.
// Meanwhile post-only orders alone are taken, and what rests stays.
func TestCircuitBreaker(t *testing.T) {
	t.Parallel()
	const window = 5 * time.Minute
	for name, test := range map[string]struct {
		fault lunosim.Fault
		// trades are price and volume, those of the second window.
		trades [][2]string
		halts  bool
	}{
		"ten per cent":                {lunosim.Fault{}, [][2]string{{"440000", "0.1"}}, false},
		"more than ten per cent":      {lunosim.Fault{}, [][2]string{{"440001", "0.1"}}, true},
		"ten per cent below":          {lunosim.Fault{}, [][2]string{{"360000", "0.1"}}, false},
		"more than that below":        {lunosim.Fault{}, [][2]string{{"359999", "0.1"}}, true},
		"a small trade far away":      {lunosim.Fault{}, [][2]string{{"400000", "1"}, {"600000", "0.01"}}, false},
		"a large trade far away":      {lunosim.Fault{}, [][2]string{{"400000", "0.01"}, {"600000", "1"}}, true},
		"no trade":                    {lunosim.Fault{}, nil, false},
		"a per cent of its own":       {lunosim.Fault{Percent: 1}, [][2]string{{"404001", "0.1"}}, true},
		"another market's":            {lunosim.Fault{Pair: "ETHMYR"}, [][2]string{{"500000", "0.1"}}, false},
		"windows of half that length": {lunosim.Fault{Delay: (window / 2).Milliseconds()}, [][2]string{{"500000", "0.1"}}, false}, // the first is two windows back
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			test.fault.Kind = lunosim.CircuitBreaker
			b.fault(t, test.fault)
			trade := func(price, volume string) {
				t.Helper()
				b.ann.limit(t, "ASK", price, volume)
				b.bob.limit(t, "BID", price, volume)
			}
			trade("400000", "0.2")
			b.clock.Advance(window)
			for _, one := range test.trades {
				trade(one[0], one[1])
			}
			rests := b.ann.limit(t, "BID", "300000", "0.01")
			status := func(want string) {
				t.Helper()
				if got := b.bob.get(t, "/api/1/ticker", "pair=XBTMYR")["status"]; got != want {
					t.Errorf("the market is %v, want %s", got, want)
				}
			}
			status("ACTIVE") // until the window is over
			b.clock.Advance(window)
			if !test.halts {
				status("ACTIVE")
				trade("400000", "0.01")
				return
			}
			status("POSTONLY")
			if f := b.Faults(); f[0].Struck != 1 {
				t.Errorf("faults %+v", f)
			}
			b.ann.send(t, http.MethodPost, "/api/1/postorder", sdkPost("XBTMYR", "BID", "300000", "0.1")...).refused(t, 400, "ErrPostOnlyMode")
			b.ann.send(t, http.MethodPost, "/api/1/marketorder", "pair=XBTMYR", "type=SELL", "base_volume=0.01").refused(t, 400, "ErrPostOnlyMode")
			b.ann.limit(t, "BID", "300000", "0.1", "post_only=true")
			if o := b.ann.order(t, rests); o["status"] != "PENDING" {
				t.Errorf("what rested is %v", o)
			}
			b.ann.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+rests).json(t)
			b.clock.Advance(window - time.Second)
			status("POSTONLY")
			b.clock.Advance(time.Second)
			status("ACTIVE")
			trade("400000", "0.01")
			b.clock.Advance(window) // a window without a trade is no measure
			status("ACTIVE")
		})
	}
}
