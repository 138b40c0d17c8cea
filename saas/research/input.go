package research

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/errs"
)

const (
	// defaultSpan is how much of the newest history is run if nobody says.
	defaultSpan = 30 * 24 * time.Hour
	// defaultBalance is that of bots.
	defaultBalance = 10_000
)

// CreateInput is what a tenant gives to make a run; pointers that are nil, and
// zero values where nothing else is said, take defaults.
type CreateInput struct {
	// Kind defaults to a backtest; Search is for the others.
	Kind   Kind
	Search *Search
	// Name defaults to the strategy and the pair.
	Name string
	// Source, Pair and Recorded name the history, as a Ref does.
	Source   Source
	Pair     string
	Recorded time.Duration
	// Also are further pairs of the source to trade with the same balance. Defaults to
	// none.
	Also     []string
	Strategy string
	// StrategyVersion is the strategy's version. Defaults to what the server
	// contains, or else the newest.
	StrategyVersion string
	// Parameters are the strategy's parameters as JSON; empty means defaults.
	Parameters json.RawMessage
	// Interval is the length of the candles that the strategy decides on; it
	// defaults to that of bots.
	Interval time.Duration
	// From and To are cut to whole intervals within. To defaults to the newest
	// candle, From to 30 days earlier.
	From, To time.Time
	// Balance defaults to 10,000.
	Balance *decimal.Decimal
	// MakerFee and TakerFee are fractions and default to those of paper bots;
	// Slippage defaults to none.
	MakerFee, TakerFee, Slippage *decimal.Decimal
	// Terms default to nothing more.
	Terms Terms
	Risk  bot.Risk
	// FullLook is for backtests. Defaults to the cheap look.
	FullLook bool
}

// request completes an input and names every faulty field.
func (s *Service) request(ctx context.Context, in CreateInput) (Request, error) {
	fees := bot.PaperFees()
	r := Request{
		Name: strings.TrimSpace(in.Name), Kind: cmp.Or(in.Kind, Backtest), Source: cmp.Or(in.Source, FromMarket), Pair: in.Pair, Recorded: in.Recorded, Strategy: in.Strategy, Interval: in.Interval, From: in.From.UTC(), To: in.To.UTC(), Risk: in.Risk,
		Balance: or(in.Balance, decimal.NewFromInt(defaultBalance)), MakerFee: or(in.MakerFee, fees.Maker.Decimal()),
		TakerFee: or(in.TakerFee, fees.Taker.Decimal()), Slippage: or(in.Slippage, decimal.Zero), Terms: in.Terms, FullLook: in.FullLook,
	}
	if r.Name == "" {
		r.Name = nameOf(r)
	}
	if r.Interval == 0 {
		r.Interval = bot.DefaultInterval
	}
	var f errs.Fields
	setup := bot.Setup{
		Name: r.Name, Pair: r.Pair, Also: in.Also, Strategy: r.Strategy, Version: in.StrategyVersion, Interval: r.Interval, Parameters: in.Parameters, Balance: r.Balance, Held: r.Terms.Held(), Risk: r.Risk,
	}
	offer, markets, err := s.offer(ctx, &r, &f)
	if err != nil {
		return Request{}, err
	}
	r.Parameters, r.StrategyVersion = setup.Check(ctx, &f, markets, s.cfg.Strategies)
	for path, rate := range map[string]decimal.Decimal{"/maker_fee": r.MakerFee, "/taker_fee": r.TakerFee, "/slippage": r.Slippage} {
		_, err := exchange.ParseRate(rate.String())
		f.Check(err == nil, path, rateFault)
	}
	if offer != nil {
		r.Recorded, r.Market = offer.Recorded, offer.Market
		r.Further = furtherMarkets(in.Also, markets)
		r.checkSpan(*offer, &f)
	}
	r.checkTerms(&f, markets)
	if f.Err() == nil {
		if err := s.checkFurther(ctx, r, &f); err != nil {
			return Request{}, err
		}
	}
	f.Check(!r.FullLook || r.Kind == Backtest, "/full_look_ahead", "is for the kind "+string(Backtest))
	s.checkSearch(ctx, &r, in.Search, &f)
	return r, f.Err()
}

// nameOf names a run that nobody named.
func nameOf(r Request) string {
	if r.Strategy == "" || r.Pair == "" {
		return "Backtest"
	}
	text := r.Strategy + " on " + r.Pair
	switch r.Kind {
	case Sweep:
		text = "Sweep of " + text
	case WalkForward:
		text = "Walk-forward of " + text
	case Backtest:
	}
	name := []rune(text)
	return string(name[:min(len(name), 80)])
}

// Ref names the run's history.
func (r Request) Ref() Ref { return Ref{Source: r.Source, Pair: r.Pair, Recorded: r.Recorded} }

// offer finds the history that is asked for, and the markets of its source; nil
// if there is none, which is noted here or by a check of the markets.
func (s *Service) offer(ctx context.Context, r *Request, f *errs.Fields) (*Offer, bot.Markets, error) {
	markets := s.cfg.Markets
	switch r.Source {
	case FromMarket:
	case FromStore:
		stored, err := s.stored(ctx)
		if err != nil {
			return nil, nil, err
		}
		markets = stored
	default:
		oneOf(f, "/source", r.Source, Sources())
		return nil, markets, nil
	}
	if _, err := markets.Market(r.Pair); err != nil {
		return nil, markets, nil //nolint:nilerr // the check of the markets says it
	}
	o, err := s.cfg.History.Offer(ctx, r.Ref())
	switch {
	case err != nil && errs.KindOf(err) == errs.NotFound:
		f.Add("/recorded_interval", "is not a length of candles that there is: "+err.Error())
		return nil, markets, nil
	case err != nil:
		return nil, nil, fmt.Errorf("looking for history of %s: %w", r.Pair, err)
	}
	return &o, markets, nil
}

// stored are the markets of the store.
type stored map[string]exchange.Market

var _ bot.Markets = stored{}

func (s *Service) stored(ctx context.Context) (stored, error) {
	all, err := s.cfg.History.Offers(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing histories: %w", err)
	}
	k := stored{}
	for _, o := range all {
		if o.Source == FromStore {
			k[o.Pair] = o.Market
		}
	}
	return k, nil
}

// Market implements bot.Markets.
func (k stored) Market(pair string) (exchange.Market, error) {
	m, ok := k[pair]
	if !ok {
		return m, errs.New(errs.NotFound, "market_not_found", "there is no market %q", pair)
	}
	return m, nil
}

// Pairs implements bot.Markets.
func (k stored) Pairs() []string { return slices.Sorted(maps.Keys(k)) }

// lengthName writes a length of candles.
func lengthName(d time.Duration) string { return cmp.Or(bot.IntervalName(d), d.String()) }

// checkSpan completes the span and holds it up against the history.
func (r *Request) checkSpan(o Offer, f *errs.Fields) {
	if bot.IntervalName(r.Interval) == "" {
		return // said already
	}
	if whole := max(finest, o.Recorded); r.Interval%whole != 0 || whole%o.Recorded != 0 {
		f.Add("/interval", "must be a whole number of the recorded candles, which are of "+lengthName(o.Recorded))
		return
	}
	first, last := ceil(o.From, r.Interval), o.To.Truncate(r.Interval)
	if r.To.IsZero() {
		r.To = last
	}
	if r.From.IsZero() {
		if r.From = r.To.Add(-defaultSpan); r.From.Before(first) && first.Before(r.To) {
			r.From = first
		}
	}
	asked := *r
	r.From, r.To = ceil(r.From, r.Interval), r.To.Truncate(r.Interval)
	within := !r.From.Before(first) && !r.To.After(last)
	f.Check(!r.From.Before(first), "/from", "must not be before "+first.Format(time.RFC3339)+", where the history begins")
	f.Check(!r.To.After(last), "/to", "must not be after "+last.Format(time.RFC3339)+", where the history ends")
	switch {
	case !asked.From.Before(asked.To):
		f.Add("/to", "must be after from")
	case r.To.Sub(r.From) < 2*r.Interval:
		f.Add("/to", "must be at least two candles of "+bot.IntervalName(r.Interval)+" after from")
	case within && r.Candles() > MaxCandles/r.Traded():
		of := ""
		if r.Traded() > 1 {
			of = fmt.Sprintf(" in %d pairs", r.Traded())
		}
		f.Add("/interval", fmt.Sprintf("makes %d candles of this time%s, and at most %d are run: choose longer candles or a shorter time", r.Candles()*r.Traded(), of, MaxCandles))
	}
}

// Detail returns the length of the candles that the orders meet.
func (r Request) Detail() time.Duration {
	return Detail(cmp.Or(r.Recorded, finest), r.Interval, r.From, r.To, r.Traded())
}

// Traded returns how many pairs the run trades.
func (r Request) Traded() int64 { return int64(1 + len(r.Further)) }

// Candles returns how many candles of its own pair a run goes over.
func (r Request) Candles() int64 { return int64(r.To.Sub(r.From) / r.Detail()) }

// Work returns how much there is to do: candles, or sets of parameters.
func (r Request) Work() int64 {
	if r.Search != nil {
		return int64(r.Sets)
	}
	if r.FullLook {
		return 2 * r.Candles()
	}
	return r.Candles()
}

// Days returns how many days of data the run covers, a part of one counted as one and
// those of each pair by themselves: a run of three pairs costs three times that of one.
func (r Request) Days() int64 {
	const day = 24 * time.Hour
	return int64((r.To.Sub(r.From)+day-1)/day) * r.Traded()
}

// ceil returns the first whole interval at or after a time.
func ceil(t time.Time, interval time.Duration) time.Time {
	if whole := t.Truncate(interval); whole.Before(t) {
		return whole.Add(interval)
	}
	return t
}

func or(d *decimal.Decimal, fallback decimal.Decimal) decimal.Decimal {
	if d == nil {
		return fallback
	}
	return *d
}
