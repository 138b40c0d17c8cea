package remote_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/engine/remote"
)

// over lets a venue hear that its only wish is over, with so much sold, and the session too.
func over(t *testing.T, s *engine.Session, v *remote.Venue, sold exchange.Steps, ending exchange.Ending) {
	t.Helper()
	w, event := v.Wishes()[0], v.Event()
	if sold > 0 {
		fill := exchange.Fill{Sequence: event, Side: exchange.Sell, Price: 80, Volume: sold, Value: exchange.Units(80 * sold), Time: 1}
		v.Hear(remote.News{Event: event + 1, Number: w.Number, Fill: &fill})
	}
	end := &remote.End{Filled: sold, Ending: ending, Reason: "the exchange is in maintenance"}
	if sold == w.Request.Volume {
		end.Reason = ""
	}
	v.Hear(remote.News{Event: event + 2, Number: w.Number, End: end})
	if err := s.Hear(); err != nil {
		t.Fatal(err)
	}
}

// proves RK3: an exit that was reached is not given up while its position is open, whatever
// the price does since: denied, rejected, or ended before all was sold, it is tried again
// with each candle, once at a time, over restarts and while the strategy is away.
func TestAnExitIsTriedUntilThePositionIsClosed(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(s *engine.Session, c exchange.Candle){
		"with its strategy": func(s *engine.Session, c exchange.Candle) { begins(t, s, c, nil) },
		"without":           func(s *engine.Session, c exchange.Candle) { s.Protect(&c) },
	} {
		s, v := holder(t, 120_000, strategy.Exits{Stop: 90})
		next(s, candle(3, 89))
		left := exchange.Steps(100)
		for at, end := range []struct {
			sold   exchange.Steps
			ending exchange.Ending
		}{{0, exchange.EndedDenied}, {0, exchange.EndedRejected}, {40, exchange.EndedCancelled}, {57, exchange.EndedCancelled}} {
			w := v.Wishes()
			if len(w) != 1 || !w[0].Exit || w[0].Request.Volume != left {
				t.Fatalf("%s, of %d it wishes %+v", name, left, w)
			}
			over(t, s, v, end.sold, end.ending)
			if left -= end.sold; s.Owed() != "stop-loss at 90 reached" || len(v.Wishes()) > 0 {
				t.Fatalf("%s, it owes %q, and wishes %+v before the next candle", name, s.Owed(), v.Wishes())
			}
			raw, err := json.Marshal(s.State())
			var st engine.State
			if err == nil {
				err = json.Unmarshal(raw, &st)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Restore(st)
			next(s, candle(int64(4+2*at), 200)) // far above the stop
			next(s, candle(int64(5+2*at), 200)) // with one under way there is no second one
		}
		over(t, s, v, 3, 0)
		if next(s, candle(20, 80)); s.Portfolio().Base != 0 || s.Owed() != "" || len(v.Wishes()) > 0 {
			t.Errorf("%s, in the end it holds %d, owes %q and wishes %+v", name, s.Portfolio().Base, s.Owed(), v.Wishes())
		}
	}
}

// A rest that is too little to be sold owes no exit, and so none is owed of the position that
// comes after it.
func TestAnExitIsNotOwedOfAnotherPosition(t *testing.T) {
	t.Parallel()
	s, v := holder(t, 120_000, strategy.Exits{Stop: 90})
	begins(t, s, candle(3, 89), nil)
	over(t, s, v, 98, exchange.EndedCancelled)
	buy := []strategy.Command{{Kind: strategy.PlaceCommand, Ref: s.View().NextRef, Side: exchange.Buy, Type: exchange.LimitOrder, Price: 200, Volume: 10}}
	begins(t, s, candle(4, 200), append([]strategy.Command{{Kind: strategy.ExitsCommand}}, buy...))
	w, event := v.Wishes(), v.Event()
	if len(w) != 1 || w[0].Exit || s.Owed() != "" {
		t.Fatalf("it owes %q and wishes %+v", s.Owed(), w)
	}
	fill := exchange.Fill{Sequence: 9, Side: exchange.Buy, Price: 200, Volume: 10, Value: 2_000, Time: time.Minute.Milliseconds()}
	v.Hear(remote.News{Event: event + 1, Number: w[0].Number, Fill: &fill})
	v.Hear(remote.News{Event: event + 2, Number: w[0].Number, End: &remote.End{Filled: 10}})
	if begins(t, s, candle(5, 200), nil); s.Portfolio().Base != 12 || len(v.Wishes()) > 0 {
		t.Errorf("it holds %d and wishes %+v", s.Portfolio().Base, v.Wishes())
	}
}
