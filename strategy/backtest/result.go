package backtest

import (
	"errors"
	"sort"
	"strings"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
)

// Result is a finished run. Times are epoch milliseconds UTC. It travels as
// JSON, without the equity column, which goes beside it.
type Result struct {
	Strategy string `json:"strategy"`
	Version  string `json:"version"`
	Config   Config `json:"config"`
	// From is when the first candle opened and To when the last closed.
	From    int64 `json:"from"`
	To      int64 `json:"to"`
	Candles int64 `json:"candles"`
	// Past counts the candles of before Config.Begin, which are in nothing else.
	Past int64 `json:"past,omitempty"`
	// Trades are the closed trades in the order of their closing.
	Trades Trades `json:"trades"`
	// Account is the account at the end; what it still holds is valued at
	// LastPrice in FinalEquity. Of several pairs it is the account in the
	// configuration's Market, with all the cash.
	Account     portfolio.Portfolio `json:"account"`
	FinalEquity exchange.Units      `json:"final_equity"`
	// FirstPrice is the open of the first candle, LastPrice the close of the
	// last.
	FirstPrice exchange.Ticks `json:"first_price"`
	LastPrice  exchange.Ticks `json:"last_price"`
	// Pairs are the accounts in the further pairs, in the order of the configuration.
	Pairs []PairResult `json:"pairs,omitempty"`
	// MaxDrawdown is the deepest fall below a peak, as a fraction of it.
	MaxDrawdown float64 `json:"max_drawdown"`
	// Breaker is the bound of the equity that held the strategy back at the end; zero if
	// none did.
	Breaker risk.Breaker `json:"breaker,omitzero"`
	// Invested counts the candles at whose close a position was held.
	Invested int64 `json:"invested"`
	// QuietFills counts the fills in candles without volume, in which nobody traded.
	QuietFills int64 `json:"quiet_fills,omitempty"`
	// Signals counts the messages from outside that were told.
	Signals int64 `json:"signals,omitempty"`
	// Segments say when the candles were: one for each run without a gap.
	Segments []Segment `json:"segments"`
	// Lacks is what the strategy subscribed to and the run had not.
	Lacks strategy.Subscription `json:"lacks,omitzero"`
	// Refused are the orders that were not carried out; zero if all were.
	Refused Refused `json:"refused,omitzero"`
	// Waits is what the strategy noted at the newest candle that it was asked to explain:
	// why it waits. It is asked once in a block of candles while nothing was held at a close.
	Waits string `json:"waits,omitempty"`
	// Exposures are what the run held of each pair, at closes of candles in which was
	// traded that are equally many apart, and at the last; none of a lean run.
	Exposures []Exposure `json:"exposures,omitempty"`
	// Equity is the account's worth at each candle's close, in units.
	Equity []int64 `json:"-"`
}

// Refused are orders that the host's bounds denied or the venue rejected.
type Refused struct {
	Orders int64 `json:"orders"`
	// Time is when the first of them was refused, and Reason why.
	Time   int64  `json:"time"`
	Reason string `json:"reason"`
}

// Initial returns what the account was worth when trading began.
func (r *Result) Initial() exchange.Units { return r.Config.Initial(r.Opens()...) }

// Opens are the first opens of all pairs, in the order of the configuration's Markets.
func (r *Result) Opens() []exchange.Ticks {
	out := []exchange.Ticks{r.FirstPrice}
	for _, p := range r.Pairs {
		out = append(out, p.FirstPrice)
	}
	return out
}

// Segment is a run of candles without a gap.
type Segment struct {
	// Index is the first candle's place in the equity column, Time when that
	// candle opened.
	Index int   `json:"index"`
	Time  int64 `json:"time"`
}

// CheckSegments reports what is wrong with the segments of a result that came from
// somebody else: the run's candles opened from first to last, in epoch milliseconds.
func (r *Result) CheckSegments(first, last int64) error {
	span := r.Config.Interval.Milliseconds()
	fits := len(r.Segments) > 0 && r.Segments[0] == Segment{Time: first} && r.From == first && r.To == last+span
	for i := 1; fits && i < len(r.Segments); i++ {
		before, s := r.Segments[i-1], r.Segments[i]
		fits = s.Index > before.Index && s.Time > before.Time && s.Time <= last
	}
	if fits {
		end := r.Segments[len(r.Segments)-1]
		fits = int64(end.Index) < r.Candles && end.Time+(r.Candles-1-int64(end.Index))*span == last
	}
	if !fits {
		return errors.New("backtest: when the candles were does not fit the run")
	}
	return nil
}

// CloseTime returns when the candle of the index closed.
func (r *Result) CloseTime(index int) int64 {
	at := Segment{Time: r.From}
	if n := sort.Search(len(r.Segments), func(i int) bool { return r.Segments[i].Index > index }); n > 0 {
		at = r.Segments[n-1]
	}
	return at.Time + int64(index-at.Index+1)*r.Config.Interval.Milliseconds()
}

// IndexAt returns the index of the newest candle that was open at a time or
// before; that of the first if there was none.
func (r *Result) IndexAt(ms int64) int {
	n := sort.Search(len(r.Segments), func(i int) bool { return r.Segments[i].Time > ms })
	if n == 0 {
		return 0
	}
	at, end := r.Segments[n-1], int(r.Candles)
	if n < len(r.Segments) {
		end = r.Segments[n].Index
	}
	return min(at.Index+int((ms-at.Time)/r.Config.Interval.Milliseconds()), end-1)
}

// curve gathers what is known at each close.
type curve struct {
	span        int64
	count       int
	segments    []Segment
	next        int64 // when the next candle opens if there is no gap
	first, last exchange.Ticks
	invested    int64
}

func newCurve(cfg Config) curve { return curve{span: cfg.Interval.Milliseconds()} }

func (c *curve) add(k *exchange.Candle, invested bool) {
	if k.Time != c.next {
		if c.count == 0 {
			c.first = k.Open
		}
		c.segments = append(c.segments, Segment{Index: c.count, Time: k.Time})
	}
	c.next = k.Time + c.span
	c.last = k.Close
	c.count++
	if invested {
		c.invested++
	}
}

// recorder gathers the closed trades of a run.
type recorder struct {
	cfg   Config
	curve curve
	held  exposures
	lacks strategy.Subscription
	// refused and waits are those of the result.
	refused Refused
	waits   string
	// trades are those that will not change any more, fresh the ones of them that
	// the sink has not had. Last may still change, if there is one.
	trades  Trades
	fresh   []portfolio.Trade
	last    portfolio.Trade
	closing bool
	// calm is true while nobody trades in the present candle, quiet counts the fills then.
	calm  bool
	quiet int64
}

var _ engine.Recorder = (*recorder)(nil)

// Fill implements engine.Recorder: fills of one closing order are one trade.
func (r *recorder) Fill(_ exchange.Fill, _ uint64, res portfolio.Result) {
	if r.calm {
		r.quiet++
	}
	if !res.Closes {
		return
	}
	if r.closing && r.last.OrderID != res.Trade.OrderID {
		r.settle()
	}
	r.last, r.closing = res.Trade, true
}

// settle keeps the last trade.
func (r *recorder) settle() {
	r.trades.Add(&r.last)
	r.fresh = append(r.fresh, r.last)
	r.closing = false
}

// take returns the trades that the sink has not had. They are valid until the next
// trade.
func (r *recorder) take() []portfolio.Trade {
	fresh := r.fresh
	r.fresh = r.fresh[:0]
	return fresh
}

// Order implements engine.Recorder; of orders a result holds how many were refused.
func (r *recorder) Order(o engine.OrderRecord) {
	if o.State != strategy.OrderDenied && o.State != strategy.OrderRejected {
		return
	}
	if r.refused.Orders++; r.refused.Orders == 1 {
		r.refused.Time, r.refused.Reason = o.Time, o.Reason
	}
}

// asks returns from which candle of a block on the strategy is asked to explain itself,
// if nothing was held until then: so that it is once, at the last that it decides on.
func (r *recorder) asks(block int) int {
	return max(0, block-int(max(r.cfg.Decide, r.cfg.Interval)/r.cfg.Interval))
}

// mostHeard is how many bytes of the strategy's answer are kept: a host refuses the result
// of a plugin that says hundreds of kilobytes.
const mostHeard = 4 << 10

// hear keeps the notes among the commands of one event, which is the strategy's answer to
// the question.
func (r *recorder) hear(commands []strategy.Command) {
	var notes []string
	for _, c := range commands {
		if c.Kind == strategy.NoteCommand {
			notes = append(notes, c.Text)
		}
	}
	if len(notes) > 0 {
		text := strings.Join(notes, "; ")
		r.waits = strings.ToValidUTF8(text[:min(len(text), mostHeard)], "")
	}
}

func (r *recorder) result(def strategy.Definition, s *engine.Session) *Result {
	if r.closing {
		r.settle()
	}
	st := s.State()
	return &Result{
		Strategy: def.Info().Name, Version: def.Info().Version, Config: r.cfg, From: r.curve.segments[0].Time, To: r.curve.next,
		Candles: int64(r.curve.count), Trades: r.trades, Account: st.Portfolio, FinalEquity: st.Equity, FirstPrice: r.curve.first,
		LastPrice: r.curve.last, MaxDrawdown: st.MaxDrawdown, Breaker: s.Breaker(), Invested: r.curve.invested, Segments: r.curve.segments, Lacks: r.lacks, QuietFills: r.quiet,
		Refused: r.refused, Waits: r.waits,
		Exposures: r.held.whole(r.curve.count-1, worthOf(st.Portfolio.Base, r.curve.last)),
	}
}
