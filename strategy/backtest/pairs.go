package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/marketdata"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
)

// Pair is a further pair that a run trades with the same balance. Fees and costs
// are those of the run, and so are the bounds but for the position.
type Pair struct {
	// Base is what is held of its base currency to begin with, valued at the open of
	// its candle at the time of the run's first one. Defaults to nothing.
	Base exchange.Steps `json:"base,omitempty"`
	// Market is what is traded; required.
	Market exchange.Market `json:"market"`
	// MaxPosition bounds the position in it. Defaults to 0, no bound.
	MaxPosition exchange.Steps `json:"max_position,omitempty"`
	// Price is what Base is valued at if the pair has no candle then (Priced finds it);
	// without one the run is refused. Defaults to none.
	Price exchange.Ticks `json:"price,omitempty"`
}

// PairResult is how a run ended in a further pair.
type PairResult struct {
	// Account is what is held there; its Counter is the cash that its open orders
	// hold, in units of its market.
	Account portfolio.Portfolio `json:"account"`
	// FirstPrice is the open of the pair's first candle, or what its holding was valued
	// at before; LastPrice is the close of its last.
	FirstPrice exchange.Ticks `json:"first_price"`
	LastPrice  exchange.Ticks `json:"last_price"`
}

// Markets returns what a run trades: the market, and then the further pairs'.
func (c Config) Markets() []exchange.Market {
	out := []exchange.Market{c.Market}
	for _, p := range c.Pairs {
		out = append(out, p.Market)
	}
	return out
}

// MarketOf returns the market of a trade's Leg; that of the configuration for one
// that it does not have.
func (c Config) MarketOf(leg int64) exchange.Market {
	if leg > 0 && leg <= int64(len(c.Pairs)) {
		return c.Pairs[leg-1].Market
	}
	return c.Market
}

// legOf returns which of the pairs a name is.
func (c Config) legOf(pair string) int64 {
	return int64(1 + slices.IndexFunc(c.Pairs, func(p Pair) bool { return p.Market.Pair == pair }))
}

// InUnits returns an amount in units of the market of a leg in those of the
// configuration's market, rounded towards zero; 0 if it does not fit.
func (c Config) InUnits(leg int64, amount exchange.Units) exchange.Units {
	if leg == 0 || leg > int64(len(c.Pairs)) {
		return amount
	}
	_, per, err := exchange.SharedUnit(c.Market, c.MarketOf(leg))
	if err != nil {
		return 0
	}
	n, err := exchange.MulDiv(int64(amount), per[1], per[0])
	if err != nil {
		return 0
	}
	return exchange.Units(n)
}

// AccountOf returns the account in the market of a leg.
func (r *Result) AccountOf(leg int64) portfolio.Portfolio {
	if leg > 0 && leg <= int64(len(r.Pairs)) {
		return r.Pairs[leg-1].Account
	}
	return r.Account
}

// Holds reports whether the run began with what a configuration gives its pairs:
// whoever ran it may not know of holdings.
func (r *Result) Holds(cfg Config) bool {
	for leg, open := range r.Opens() {
		worth, err := open.Times(cfg.BaseOf(int64(leg)))
		if leg == 0 {
			worth += cfg.Balance
		}
		if err != nil || r.AccountOf(int64(leg)).Start != worth {
			return false
		}
	}
	return true
}

// Fees returns what all pairs together have paid in fees, in units of the
// configuration's market.
func (r *Result) Fees() exchange.Units {
	sum := r.Account.Fees
	for i, p := range r.Pairs {
		sum += r.Config.InUnits(int64(i+1), p.Account.Fees)
	}
	return sum
}

// Fills returns how many fills there were in all pairs.
func (r *Result) Fills() int64 {
	sum := r.Account.Fills
	for _, p := range r.Pairs {
		sum += p.Account.Fills
	}
	return sum
}

// EquityAt returns what the account at the end is worth at other prices, in the
// order of the configuration's Markets; 0 is the last one. Of several pairs it may
// be off by a unit for each further one. The error is an overflow.
func (r *Result) EquityAt(prices []exchange.Ticks) (exchange.Units, error) {
	out := r.FinalEquity
	for leg, price := range prices {
		account, last := r.AccountOf(int64(leg)), r.LastPrice
		if leg > 0 {
			last = r.Pairs[leg-1].LastPrice
		}
		if price == 0 || price == last {
			continue
		}
		then, err := account.Equity(last)
		if err != nil {
			return 0, err
		}
		worth, err := account.Equity(price)
		if err != nil {
			return 0, err
		}
		out += r.Config.InUnits(int64(leg), worth-then)
	}
	return out, nil
}

// streamPairs is Stream for a run of several pairs.
func streamPairs(ctx context.Context, def strategy.Definition, cfg Config, src marketdata.Source, sink Sink) (*Result, error) {
	decide := cmp.Or(cfg.Decide, cfg.Interval)
	instance, err := def.Open(strategy.OpenInput{Market: cfg.Market, Also: cfg.Markets()[1:], Interval: decide, Params: cfg.Params})
	if err != nil {
		return nil, err
	}
	if len(cfg.Signals) > 0 && !instance.Wants(strategy.SignalEvent) {
		return nil, fmt.Errorf("backtest: %s takes no signals", def.Info().Name)
	}
	with, lacks, err := companyOf(def, cfg, src, instance.Subscription())
	if err != nil {
		return nil, err
	}
	rec := &pairsRecorder{recorder: recorder{cfg: cfg, lacks: lacks, curve: newCurve(cfg), held: newExposures(cfg)}, parts: make([]part, 1+len(cfg.Pairs))}
	basket, err := newBasket(cfg, instance, rec)
	if err != nil {
		return nil, err
	}
	run := &pairsRun{
		basket: basket, instance: instance, rec: rec, company: with, first: make([]exchange.Ticks, len(cfg.Pairs)),
		past: past{begin: cfg.Begin, from: cfg.WarmFrom(instance.Warmup())},
	}
	run.mail = &mail{waiting: cfg.Signals, span: cfg.Interval.Milliseconds()}
	if err := eachBlock(ctx, src, with, sink, &rec.recorder, run.block); err != nil {
		return nil, err
	}
	if rec.curve.count == 0 {
		return nil, errors.New("backtest: there is no candle in the span asked for")
	}
	return run.result(def), nil
}

// newBasket opens the account of a run.
func newBasket(cfg Config, instance *strategy.Instance, rec engine.Recorder) (*engine.Basket, error) {
	venue := func(m exchange.Market, prefix string, balance exchange.Units, base exchange.Steps) (*paper.Venue, error) {
		return paper.NewVenue(paper.VenueConfig{
			Market: m, Fees: cfg.Fees, Tiers: cfg.Tiers, Costs: cfg.Costs, Balance: balance, Base: base, OrderPrefix: prefix,
		})
	}
	own, err := venue(cfg.Market, "", cfg.Balance, cfg.Base)
	if err != nil {
		return nil, err
	}
	in := engine.BasketConfig{Config: engine.Config{
		Market: cfg.Market, Interval: cfg.Interval, Decide: cfg.Decide, Balance: cfg.Balance, Base: cfg.Base, Venue: own, Risk: cfg.Risk, Recorder: rec, OrderPrefix: "bt-",
		Wants: instance.Wants, Subscription: instance.Subscription(),
	}}
	venues := []*paper.Venue{own}
	for i, p := range cfg.Pairs {
		v, err := venue(p.Market, fmt.Sprintf("P%d-", i+1), 0, p.Base)
		if err != nil {
			return nil, err
		}
		bounds := cfg.Risk
		bounds.MaxPosition = p.MaxPosition
		in.Legs = append(in.Legs, engine.Leg{Base: p.Base, Market: p.Market, Price: p.Price, Risk: bounds, Venue: v})
		venues = append(venues, v)
	}
	if err := paper.ShareVolume(venues...); err != nil {
		return nil, err
	}
	return engine.NewBasket(in)
}

// pairsRun is a run of several pairs under way.
type pairsRun struct {
	basket   *engine.Basket
	instance *strategy.Instance
	rec      *pairsRecorder
	company  *company
	mail     *mail
	past     past
	// asked is true while the strategy is asked to explain itself.
	asked bool
	// first are the opens of the further pairs' first candles.
	first []exchange.Ticks
	// traded and looked are what came beside a candle, step is what is told at once.
	traded, looked, step []PairCandle
}

// pairsRecorder is a recorder of several pairs. Where fills of one pair's sale lie
// between those of another's, each run of them is a trade.
type pairsRecorder struct {
	recorder
	parts []part
	// newest is the pair whose trade is the newest one.
	newest int64
}

// part is how far the trade of a pair has come: whole is that of its order so far,
// before what of it is in earlier trades of the record.
type part struct {
	whole, before portfolio.Trade
	// calm is true while nobody trades in the pair's newest candle.
	calm bool
}

// Fill implements engine.Recorder.
func (r *pairsRecorder) Fill(f exchange.Fill, ref uint64, res portfolio.Result) {
	leg := r.cfg.legOf(f.Pair)
	if r.calm = r.parts[leg].calm; !res.Closes {
		r.recorder.Fill(f, ref, res)
		return
	}
	p := &r.parts[leg]
	switch {
	case p.whole.OrderID != res.Trade.OrderID:
		p.before = portfolio.Trade{}
	case r.newest != leg:
		p.before = p.whole
	}
	p.whole, r.newest = res.Trade, leg
	t := &res.Trade
	t.Leg = leg
	t.Volume -= p.before.Volume
	t.Cost -= p.before.Cost
	t.Proceeds -= p.before.Proceeds
	t.EntryFee -= p.before.EntryFee
	t.ExitFee -= p.before.ExitFee
	r.recorder.Fill(f, ref, res)
}

// block runs a block of candles; a panic of the strategy ends it.
func (r *pairsRun) block(block []exchange.Candle, equity []int64) (err error) {
	defer recoverAt(r.basket, &err)
	equity = equity[:len(block)]
	asks := r.rec.asks(len(block))
	r.asked = false
	defer r.instance.Explain(false)
	for n := range block {
		c := &block[n]
		if n == asks && r.rec.curve.invested == 0 {
			r.asked = true
			r.instance.Explain(true)
		}
		if c.Time < r.past.begin {
			r.past.count++
			equity[n] = int64(r.basket.Equity())
			if c.Time < r.past.from {
				continue
			}
			if err := r.candle(c, r.company.next(c)); err != nil {
				return err
			}
			continue
		}
		if err := r.mail.deliver(r.basket, c); err != nil {
			return err
		}
		if err := r.candle(c, r.company.next(c)); err != nil {
			return err
		}
		equity[n] = int64(r.basket.Equity())
		if r.rec.held.due(c, r.rec.quiet) {
			r.rec.held.note(r.rec.curve.count, worthIn(r.rec.cfg, r.basket)...)
		}
		r.rec.curve.add(c, r.holds())
	}
	return nil
}

// candle runs what came since the last candle of the run's own market, in the order
// of time, and the candle itself with what opened at the same time.
func (r *pairsRun) candle(c *exchange.Candle, with Beside) error {
	if r.past.begin == 0 {
		r.past.from = c.Time
	}
	if r.rec.curve.count == 0 && c.Time >= r.past.begin {
		r.past.begin = c.Time // what the further pairs have of before the first candle is not of the run
	}
	traded, looked := r.traded[:0], r.looked[:0]
	for _, p := range with.Pairs {
		leg := r.rec.cfg.legOf(p.Pair)
		switch {
		case p.Candle.Time < r.past.from && (leg > 0 || c.Time < r.past.begin):
		case leg == 0:
			looked = append(looked, p)
		default:
			if r.first[leg-1] == 0 && p.Candle.Time >= r.past.begin {
				r.first[leg-1] = p.Candle.Open
			}
			traded = append(traded, p)
		}
	}
	r.traded, r.looked = traded, looked
	if r.rec.curve.count == 0 && c.Time >= r.past.begin {
		r.value()
	}
	if r.rec.curve.count == 0 && c.Time >= r.past.begin {
		for leg, p := range r.rec.cfg.Pairs {
			if r.first[leg] == 0 && p.Base > 0 {
				r.first[leg] = p.Price
			}
		}
	}
	for len(traded) > 0 && traded[0].Candle.Time < c.Time {
		n := 1
		for n < len(traded) && traded[n].Candle.Time == traded[0].Candle.Time {
			n++
		}
		if err := r.tell(traded[:n], nil); err != nil {
			return err
		}
		traded = traded[n:]
	}
	with.Pairs = looked
	r.step = append(append(r.step[:0], traded...), PairCandle{Pair: r.rec.cfg.Market.Pair, Candle: *c})
	return r.tell(r.step, &with)
}

// value notes what the holdings are valued at of which there is no candle when the run
// begins.
func (r *pairsRun) value() {
	for leg, p := range r.rec.cfg.Pairs {
		if r.first[leg] == 0 && p.Base > 0 {
			r.first[leg] = p.Price
		}
	}
}

// tell runs one step. In the past nothing is traded: what the strategy answers is
// dropped.
func (r *pairsRun) tell(step []PairCandle, with *Beside) error {
	for i := range step {
		r.rec.parts[r.rec.cfg.legOf(step[i].Pair)].calm = step[i].Candle.Volume == 0
	}
	begin, warming := r.basket.Begin, step[0].Candle.Time < r.past.begin
	if warming {
		begin = r.basket.Past
	}
	if err := begin(step); err != nil {
		return err
	}
	if with != nil {
		r.basket.With(*with)
	}
	for ev := r.basket.Next(); ev != nil; ev = r.basket.Next() {
		if cs := r.instance.Deliver(r.basket.View(), ev); len(cs) > 0 && !warming {
			if r.asked {
				r.rec.hear(cs)
			}
			if err := r.basket.Commands(cs); err != nil {
				return err
			}
		}
	}
	return nil
}

// holds reports whether anything is held.
func (r *pairsRun) holds() bool {
	v := r.basket.View()
	return v.Base != 0 || slices.ContainsFunc(v.Others, func(o strategy.View) bool { return o.Base != 0 })
}

func (r *pairsRun) result(def strategy.Definition) *Result {
	if r.rec.closing {
		r.rec.settle()
	}
	cfg, curve := r.rec.cfg, r.rec.curve
	account, _ := r.basket.Account(cfg.Market.Pair)
	out := &Result{
		Strategy: def.Info().Name, Version: def.Info().Version, Config: cfg, From: curve.segments[0].Time, To: curve.next, Candles: int64(curve.count),
		Trades: r.rec.trades, Account: account, FinalEquity: r.basket.Equity(), FirstPrice: curve.first, LastPrice: curve.last,
		MaxDrawdown: r.basket.MaxDrawdown(), Breaker: r.basket.Breaker(), Invested: curve.invested, Segments: curve.segments, Lacks: r.rec.lacks, QuietFills: r.rec.quiet, Signals: r.mail.told,
		Past: r.past.count, Refused: r.rec.refused, Waits: r.rec.waits, Exposures: r.rec.held.whole(curve.count-1, worthIn(cfg, r.basket)...),
	}
	for i, p := range cfg.Pairs {
		account, _ := r.basket.Account(p.Market.Pair)
		out.Pairs = append(out.Pairs, PairResult{Account: account, FirstPrice: r.first[i], LastPrice: r.basket.LastPrice(p.Market.Pair)})
	}
	return out
}
