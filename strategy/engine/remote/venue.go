package remote

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy/engine"
)

// Config says for whom a Venue keeps wishes.
type Config struct {
	// Balance is the cash to begin with: what of the account's the bot may use.
	Balance exchange.Units
	// Fees are the highest rates of the account. Defaults to none.
	Fees exchange.Fees
	// Market is what is traded; required.
	Market exchange.Market
	// OrderPrefix is that of the engine's Config; what follows it in a client id is
	// the order's number.
	OrderPrefix string
	// Slippage is how far beyond the newest price a market buy by volume may pay.
	// Defaults to 2 %.
	Slippage exchange.Rate
	// Stale is how old what an order answers may be, see At. Defaults to two minutes.
	Stale time.Duration
}

// State is all that a Venue remembers, for checkpoints.
type State struct {
	// Counter, Base and Dust are what the bot has, what its orders hold included.
	Counter exchange.Units `json:"counter"`
	Base    exchange.Steps `json:"base"`
	Dust    exchange.Dust  `json:"dust,omitempty"`
	// Wishes are the orders that are not over, oldest first.
	Wishes []Wish `json:"wishes,omitempty"`
	// Event is the number of the newest event that was heard.
	Event int64 `json:"event"`
	// LastPrice is the newest close.
	LastPrice exchange.Ticks `json:"last_price"`
	// Told are reports that the engine has yet to take.
	Told []exchange.Report `json:"told,omitempty"`
}

// Venue is what a bot wants in one market of an exchange. It is not safe for
// concurrent use.
type Venue struct {
	cfg   Config
	state State
	// now is the time that At or Close told; 0 for none. closing is true after Close.
	now     int64
	closing bool
	// heard are the reports that Reports returned last.
	heard []exchange.Report
}

var (
	_ engine.Funded = (*Venue)(nil)
	_ engine.Remote = (*Venue)(nil)
)

// New returns a venue without wishes; the error names everything that is wrong with
// cfg.
func New(cfg Config) (*Venue, error) {
	if cfg.Slippage == 0 {
		cfg.Slippage = exchange.RateOne / 50
	}
	if cfg.Stale == 0 {
		cfg.Stale = 2 * time.Minute
	}
	problems := []error{cfg.Market.Validate()}
	if cfg.Balance < 0 {
		problems = append(problems, errors.New("remote: Balance is below 0"))
	}
	for name, r := range map[string]exchange.Rate{"Fees.Maker": cfg.Fees.Maker, "Fees.Taker": cfg.Fees.Taker, "Slippage": cfg.Slippage} {
		if r < 0 || r > exchange.RateOne {
			problems = append(problems, fmt.Errorf("remote: %s is not between 0 and 1", name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return &Venue{cfg: cfg, state: State{Counter: cfg.Balance}}, nil
}

// State returns a copy of the venue's state.
func (v *Venue) State() State {
	s := v.state
	s.Wishes, s.Told = cloned(s.Wishes), slices.Clone(s.Told)
	return s
}

// Restore puts the venue in a state that it had before.
func (v *Venue) Restore(s State) {
	s.Wishes, s.Told = cloned(s.Wishes), slices.Clone(s.Told)
	v.state = s
}

func cloned(list []Wish) []Wish {
	if list == nil {
		return nil
	}
	out := make([]Wish, len(list))
	for i := range list {
		out[i] = list[i].clone()
	}
	return out
}

// Renew leaves the account as it is, new, and lets it hear only what comes after the
// events of an earlier one.
func (v *Venue) Renew(before State) { v.state.Event = before.Event }

// At tells the venue what time it is, in epoch milliseconds. An order that answers
// something older than Stale is denied from then on, such as one to a candle that is
// heard late after a pause: the market is elsewhere by now. Protective exits are not.
func (v *Venue) At(now int64) { v.now = now }

// Close says that sales from now on, a time in epoch milliseconds, close the position of a
// bot that hears no candles any more: they are protective exits, which never are too late.
func (v *Venue) Close(now int64) { v.now, v.closing = now, true }

// Event returns the number of the newest event that was heard.
func (v *Venue) Event() int64 { return v.state.Event }

// Wishes returns copies of the wishes that are to be carried out, oldest first: all but
// those that wait for orders that are being taken back, and those of which only fills are
// missing.
func (v *Venue) Wishes() []Wish {
	var out []Wish
	for i := range v.state.Wishes {
		if w := &v.state.Wishes[i]; !w.waits() && w.End == nil {
			out = append(out, w.clone())
		}
	}
	return out
}

// Knows reports whether the order of a number is not known to be over.
func (v *Venue) Knows(number uint64) bool { return v.find(number) != nil }

// Open is how many orders are not known to be over.
func (v *Venue) Open() int { return len(v.state.Wishes) }

// Candle implements engine.Venue: orders meet no candle here, but one that has waited for
// longer than Stale is over with it.
func (v *Venue) Candle(c *exchange.Candle) []exchange.Report {
	v.state.LastPrice = c.Close
	v.giveUp(c.Time)
	return v.Reports()
}

// Reports implements engine.Remote.
func (v *Venue) Reports() []exchange.Report {
	v.heard = append(v.heard[:0], v.state.Told...)
	v.state.Told = v.state.Told[:0]
	return v.heard
}

// Free implements engine.Funded. It is below 0 if fills cost more than the bot has.
func (v *Venue) Free() exchange.Units {
	return exchange.Units(v.free(exchange.Buy))
}

// Fund implements engine.Funded.
func (v *Venue) Fund(by exchange.Units) error {
	if by > 0 && v.state.Counter > exchange.Units(1<<62)-by {
		return fmt.Errorf("remote: %s: %w", v.cfg.Market.Pair, exchange.ErrOverflow)
	}
	v.state.Counter += by
	return nil
}

// Place implements engine.Venue: the order is wanted from now on, and what became of
// it is reported later. One that follows orders of its side that are being taken back takes
// their place: it waits for their end, may use what they hold, and becomes smaller by what
// they trade until then. What the bot cannot pay, the market does not take or comes too late
// is denied.
func (v *Venue) Place(r exchange.OrderRequest) (exchange.Order, error) {
	number, err := v.number(r.ClientID)
	if err != nil {
		return exchange.Order{}, err
	}
	if late := time.Duration(v.now-r.Time) * time.Millisecond; v.now > 0 && late > v.cfg.Stale && !v.closing {
		return exchange.Order{}, exchange.Unsent("ErrStale", "it answers what happened %s ago, and the market has gone on since", late.Round(time.Second))
	}
	if v.closing && r.Side == exchange.Sell {
		r.Time, r.Urgent = v.now, true
	}
	w := Wish{Number: number, Request: r, Exit: r.Urgent}
	if !w.Exit {
		w.After = v.asked(func(o *Wish) bool { return o.Request.Side == r.Side })
	}
	free := v.free(r.Side)
	if w.waits() {
		free = v.room(r.Side)
	}
	if r.Side == exchange.Sell {
		if free := exchange.Steps(free); r.Volume > free {
			return exchange.Order{}, exchange.Unsent("ErrInsufficientBalance", "selling %s %s needs more than the %s that are free",
				v.cfg.Market.Volume(r.Volume), v.cfg.Market.Base, v.cfg.Market.Volume(max(0, free)))
		}
		w.Base = r.Volume
	} else if w.Request, w.Counter, err = v.buy(r, exchange.Units(free)); err != nil {
		return exchange.Order{}, err
	}
	if err := unsent(v.cfg.Market.Check(w.Request)); err != nil {
		return exchange.Order{}, err
	}
	v.state.Wishes = append(v.state.Wishes, w)
	return w.order(), nil
}

// unsent makes a refusal of ours one that says so.
func unsent(err error) error {
	var refused *exchange.Error
	if errors.As(err, &refused) {
		own := *refused
		own.Unsent = true
		return &own
	}
	return err
}

// number reads an order's number from its client id.
func (v *Venue) number(clientID string) (uint64, error) {
	text, ok := strings.CutPrefix(clientID, v.cfg.OrderPrefix)
	number, err := strconv.ParseUint(text, 10, 63)
	if !ok || err != nil || number == 0 {
		return 0, fmt.Errorf("remote: %q is no client id that begins with %q and ends with a number", clientID, v.cfg.OrderPrefix)
	}
	if v.find(number) != nil {
		return 0, fmt.Errorf("remote: order %d is there already", number)
	}
	return number, nil
}

// buy works out what a buy sets aside of what is free for it, its fee included. One at the
// market by volume becomes one with a price at which it takes what the book offers and is
// over: exchanges buy at the market for an amount only, and the bot must not spend more than
// it has.
func (v *Venue) buy(r exchange.OrderRequest, free exchange.Units) (exchange.OrderRequest, exchange.Units, error) {
	m := v.cfg.Market
	short := func(need exchange.Units) error {
		return exchange.Unsent("ErrInsufficientBalance", "buying for %s %s needs more than the %s that are free", m.Amount(need), m.Counter, m.Amount(max(0, free)))
	}
	rate := v.rate()
	cost := func(p exchange.Ticks) (exchange.Units, error) { return v.cost(p, r.Volume) }
	if r.Type == exchange.MarketOrder && r.Volume > 0 {
		last := v.state.LastPrice
		need, err := cost(last)
		if err != nil || need > free {
			return r, 0, errors.Join(err, short(need))
		}
		price := last + exchange.Ticks(v.cfg.Slippage.Of(exchange.Units(last)))
		if m.MaxPrice > 0 {
			price = min(price, m.MaxPrice)
		}
		for price > last { // what it can pay beyond the newest price
			if need, err := cost(price); err == nil && need <= free {
				break
			}
			price -= (price - last + 1) / 2
		}
		r.Type, r.Price, r.TimeInForce = exchange.LimitOrder, max(price, last), exchange.IOC
	}
	need := r.Value
	if r.Volume > 0 {
		var err error
		if need, err = cost(r.Price); err != nil {
			return r, 0, err
		}
	}
	if need > free {
		return r, 0, short(need)
	}
	if r.Volume == 0 {
		r.Value = within(r.Value, rate)
	}
	return r, need, nil
}

// rate is the highest that a buy may be charged.
func (v *Venue) rate() exchange.Rate { return max(v.cfg.Fees.Maker, v.cfg.Fees.Taker) }

// cost is what a volume costs at a price, the fee included.
func (v *Venue) cost(p exchange.Ticks, volume exchange.Steps) (exchange.Units, error) {
	value, err := p.Times(volume)
	if need := value + v.rate().Of(value); err == nil && need >= value {
		return need, nil
	}
	return 0, exchange.Unsent("ErrValueTooHigh", "the order's value is too large")
}

// within is the most that can be spent so that it and its fee are no more than an amount:
// an exchange takes the fee of a buy by value on top of it.
func within(amount exchange.Units, rate exchange.Rate) exchange.Units {
	if amount <= 0 || rate <= 0 {
		return amount
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(exchange.RateOne))
	q, _ := bits.Div64(hi, lo, uint64(exchange.RateOne+rate)) // hi is below RateOne
	net := exchange.Units(q)
	for net > 0 && net+rate.Of(net) > amount { // the fee is rounded up
		net--
	}
	return net
}

// Cancel implements engine.Venue: it only asks. An order that waits is over at once,
// because it was never carried out; an exit that is under way is not taken back.
func (v *Venue) Cancel(id string, now int64) (exchange.Order, error) {
	for i := range v.state.Wishes {
		w := &v.state.Wishes[i]
		if w.Request.ClientID != id {
			continue
		}
		if !w.waits() {
			if w.Exit {
				return exchange.Order{}, exchange.Unsent("ErrExitUnderWay", "order %s is a protective exit that is under way", id)
			}
			w.Asked = true
			return w.order(), engine.ErrAsked
		}
		o := w.order()
		o.Status, o.Completed = exchange.Complete, now
		v.state.Wishes = slices.Delete(v.state.Wishes, i, i+1)
		return o, nil
	}
	return exchange.Order{}, exchange.Unsent("ErrCannotStopUnknownOrNonPendingOrder", "order %s is not open", id)
}

// Exit implements engine.Venue: the position is to be closed at the market, once the
// orders that are being taken back are over, as far as it is there then.
func (v *Venue) Exit(r exchange.OrderRequest, _ exchange.Ticks, _ bool, _ *exchange.Candle) ([]exchange.Report, error) {
	number, err := v.number(r.ClientID)
	if err != nil {
		return nil, err
	}
	r.Urgent = true
	w := Wish{Number: number, Request: r, Base: r.Volume, Exit: true, After: v.asked(func(*Wish) bool { return true })}
	v.state.Wishes = append(v.state.Wishes, w)
	v.heard = append(v.heard[:0], exchange.Report{Order: w.order()})
	return v.heard, nil
}

// find returns the wish of a number; nil if there is none.
func (v *Venue) find(number uint64) *Wish {
	for i := range v.state.Wishes {
		if v.state.Wishes[i].Number == number {
			return &v.state.Wishes[i]
		}
	}
	return nil
}
