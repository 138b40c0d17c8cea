package saas

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

// Pages wait about a second for prices that do not come, however many want them at once;
// they go on showing what was told within a minute, and the venue is asked once at a time.
// proves T10
func TestPagesWaitShortlyForPrices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var asked int
		var hangs bool
		m := &liveMarket{log: slog.New(slog.DiscardHandler), cfg: LiveMarket{Now: time.Now, Title: "a venue", Tickers: func(ctx context.Context, _ ...string) ([]exchange.Ticker, error) {
			mu.Lock()
			asked++
			hang := hangs
			mu.Unlock()
			if hang {
				<-ctx.Done()
				return nil, errors.New("too late")
			}
			return []exchange.Ticker{{Pair: "XBTMYR", Last: 7}}, nil
		}}}
		look := func(what string, pages int, last exchange.Ticks, within time.Duration, calls int) {
			t.Helper()
			asked = 0
			var all sync.WaitGroup
			start := time.Now()
			for range pages {
				all.Go(func() {
					if got := m.tickers(t.Context(), nil)["XBTMYR"]; got != last || time.Since(start) > within {
						t.Errorf("%s: the price is %d after %s, want %d within %s", what, got, time.Since(start), last, within)
					}
				})
			}
			all.Wait()
			mu.Lock()
			defer mu.Unlock()
			if asked != calls {
				t.Errorf("%s: the venue was asked %d times, want %d", what, asked, calls)
			}
		}
		look("at first", 5, 7, 0, 1)
		look("at once again", 5, 7, 0, 0)
		hangs = true
		time.Sleep(priceAge)
		look("of a venue that hangs", 5, 7, pricePatience, 1)
		look("while it hangs on", 5, 7, 0, 0)
		time.Sleep(pagePatience)
		look("just after that", 5, 7, 0, 0)
		time.Sleep(priceKept)
		look("after a minute", 5, 0, pricePatience, 1)
		m.last.end()
		look("at the end", 5, 0, 0, 0)
	})
}
