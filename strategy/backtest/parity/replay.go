package parity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
)

// replay is a session that is run again.
type replay struct {
	tape     *Tape
	account  *Account
	strategy Strategy
	// beside tells what comes beside a candle; nil for nothing.
	beside func(ctx context.Context, at int64) (engine.Beside, error)
	// book is true if the strategy looks at the book, and tops are those of the present
	// point.
	book bool
	tops []TopAt
	// sim is given the same orders; nil for none.
	sim *Simulation
	// given is what is yet to be given of the present point.
	given []Act
	// candles and acts count what was identical.
	candles, acts int64
}

// finding is where a replay left the tape.
type finding struct {
	point int
	// at is when the candle opened.
	at                 int64
	recorded, replayed Act
	// heard is true if the strategy was told something else beside the candles.
	heard bool
	// words is true if only what was said differs.
	words bool
	// missing is true if the tape is not whole there.
	missing bool
	// failed is why the replay could not go on; "" if it could.
	failed string
}

// failedAt is where a replay could not go on.
func failedAt(point int, k *exchange.Candle, err error) *finding {
	return &finding{point: point, at: k.Time, failed: err.Error()}
}

// answered reports whether what differs is an answer to the same commands.
func (f *finding) answered() bool {
	a, b := f.recorded.Kind, f.replayed.Kind
	return a == Fill || b == Fill || a != Command && b != Command && (a == Order || b == Order)
}

// follow replays the points until one differs, if words is true also in what was
// said.
func (r *replay) follow(ctx context.Context, all []shown, words bool, progress func(int64)) (*finding, error) {
	for i, s := range all {
		var signals []Act
		r.given, r.tops = nil, s.point.Tops
		for _, a := range s.point.Acts {
			switch {
			case a.Signal != nil:
				signals = append(signals, a)
			case a.Given != nil:
				r.given = append(r.given, a)
			}
		}
		for j := range s.minutes {
			k := &s.minutes[j].own
			for len(signals) > 0 && signals[0].At <= k.Time {
				if err := r.account.Signal(*signals[0].Signal); err != nil {
					return failedAt(i, k, err), nil
				}
				signals = signals[1:]
			}
			if err := r.minute(ctx, &s.minutes[j]); err != nil {
				if errors.As(err, new(*OutageError)) || ctx.Err() != nil {
					return nil, err
				}
				return failedAt(i, k, err), nil
			}
		}
		if err := r.between(math.MaxInt64); err != nil {
			return failedAt(i, &exchange.Candle{Time: r.account.LastTime()}, err), nil
		}
		r.tape.Wishes(r.account.Wishes())
		got := r.tape.Point()
		r.tape.Next()
		if f := compare(s.point, got); f != nil && (words || !f.words) {
			f.point, f.heard = i, s.point.Heard != got.Heard
			if f.at == 0 && len(s.minutes) > 0 {
				f.at = s.minutes[len(s.minutes)-1].own.Time
			}
			return f, nil
		}
		r.candles, r.acts = r.candles+int64(len(s.minutes)), r.acts+int64(len(got.Acts)+got.Dropped)
		if progress != nil {
			progress(r.candles)
		}
	}
	return nil, nil
}

// between gives the account what it was given since the newest candle, and before one that
// opened at a time.
func (r *replay) between(before int64) error {
	for len(r.given) > 0 {
		a := &r.given[0]
		if a.Given.within() || a.At >= before && a.At != r.tape.sums.At {
			return nil
		}
		if err := r.take(); err != nil {
			return err
		}
	}
	return nil
}

// about tells the account what it was told with a candle: what time it was when it took
// that, and what was believed of it, if these matter.
func (r *replay) about() error {
	for r.account.At(0); r.next(Lag) || r.next(Belief); {
		if err := r.take(); err != nil {
			return err
		}
	}
	return nil
}

// take gives the account the next thing that it was given.
func (r *replay) take() error {
	g := r.given[0].Given
	r.given = r.given[1:]
	r.tape.Give(*g)
	if r.sim != nil {
		r.sim.heard(g.News)
	}
	return r.account.give(g)
}

// next reports whether the next thing that was given is of a kind, and was given at the
// present place.
func (r *replay) next(k GivenKind) bool {
	if len(r.given) == 0 {
		return false
	}
	a := &r.given[0]
	return a.Given.Kind == k && a.At == r.tape.sums.At && a.Given.Place == r.tape.place()
}

func (r *replay) minute(ctx context.Context, m *minute) error {
	for _, late := range m.late {
		if err := r.between(math.MinInt64); err != nil {
			return err
		}
		r.tape.LateCandles(late)
		if err := r.about(); err != nil {
			return err
		}
		if err := r.account.BeginLate(late); err != nil {
			return err
		}
		if err := r.hear(ctx); err != nil {
			return err
		}
	}
	if err := r.between(m.own.Time); err != nil {
		return err
	}
	r.tape.Candle(&m.own, m.with...)
	if err := r.about(); err != nil {
		return err
	}
	if r.sim != nil {
		r.sim.last = m.own.Time
	}
	if err := r.account.Begin(m.own, m.with...); err != nil {
		return err
	}
	var b engine.Beside
	if r.beside != nil {
		var err error
		if b, err = r.beside(ctx, m.own.Time); err != nil {
			return err
		}
	}
	if r.book {
		if i := slices.IndexFunc(r.tops, func(t TopAt) bool { return t.At == m.own.Time }); i >= 0 {
			b.Top = r.tops[i].Top
		}
		r.tape.Book(b.Top)
	}
	if r.book || r.beside != nil {
		r.account.With(b)
	}
	return r.hear(ctx)
}

// hear tells the strategy what there is and carries out its answers.
func (r *replay) hear(ctx context.Context) error {
	for ev := r.account.Next(); ev != nil; ev = r.account.Next() {
		if ev.Kind != strategy.CandleEvent {
			r.tape.Event(ev)
		}
		cs, err := r.strategy.Deliver(ctx, r.account.View(), ev)
		if err != nil {
			return err
		}
		r.tape.Commands(cs)
		if r.next(Halt) {
			if err := r.take(); err != nil {
				return err
			}
			continue
		}
		if err := r.account.Commands(cs); err != nil {
			return err
		}
	}
	return nil
}

// compare returns the first difference of two points; nil if there is none. If
// nothing but words differs, that is told only if all else is the same.
func compare(want, got Point) *finding {
	for i := range max(len(want.Acts), len(got.Acts)) {
		var a, b Act
		if i < len(want.Acts) {
			a = want.Acts[i]
		}
		if i < len(got.Acts) {
			b = got.Acts[i]
		}
		switch {
		case a.same(b):
			continue
		case b.At == 0 || a.At != 0 && a.At < b.At: // the replay did nothing then
			return &finding{at: a.At, recorded: a}
		case a.At == 0 || b.At < a.At:
			return &finding{at: b.At, replayed: b}
		}
		return &finding{at: a.At, recorded: a, replayed: b}
	}
	switch {
	case want.Did != got.Did && want.Dropped == 0 && got.Dropped == 0:
		return &finding{missing: true}
	case want.Did != got.Did:
		return &finding{recorded: Act{Kind: Command, Text: fmt.Sprintf("more than %d acts", MaxActs)}, replayed: Act{Kind: Command, Text: "others beyond them"}}
	case want.Wished != got.Wished:
		return &finding{recorded: Act{Kind: Order, Text: "orders at its exchange"}, replayed: Act{Kind: Order, Text: "others, or of other amounts"}}
	case want.Said != got.Said:
		return &finding{words: true}
	}
	return nil
}
