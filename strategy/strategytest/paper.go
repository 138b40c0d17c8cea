package strategytest

import (
	"encoding/json"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/paper"
	"github.com/lunobot/lunobot/strategy"
	"github.com/lunobot/lunobot/strategy/engine"
	"github.com/lunobot/lunobot/strategy/portfolio"
	"github.com/lunobot/lunobot/strategy/risk"
	"github.com/lunobot/lunobot/strategy/strategytest/conformance"
)

// Reporter is what a Paper needs of a test: testing.TB has it, and so has the T
// of a property test.
type Reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// PaperConfig says what a Paper trades and at what cost.
type PaperConfig struct {
	// Also are the markets of further pairs that are traded with the same balance.
	// Defaults to none.
	Also []exchange.Market
	// Balance is the cash to begin with. Defaults to a million of the counter
	// currency.
	Balance exchange.Units
	// Beside returns what comes with a candle of Market for a strategy that subscribes to
	// it: trades, the top of the book, candles of pairs that it only looks at. Defaults to
	// trades at the candle's prices, and pairs that move as it does.
	Beside func(c exchange.Candle) engine.Beside
	// Costs are what trading costs beside the fees. Those with a spread make an order
	// book, where Beside brings none. Defaults to nothing.
	Costs paper.Costs
	// Explain asks for notes and plots.
	Explain bool
	// Fees are the account's rates. Defaults to none.
	Fees exchange.Fees
	// Interval is the length of the candles. Defaults to a minute.
	Interval time.Duration
	// Market defaults to Market().
	Market exchange.Market
	// Others returns the candles of the further pairs that close when one of Market
	// does; required if there are any.
	Others func(c exchange.Candle) []engine.PairCandle
	// Params are the parameters as JSON. Defaults to the strategy's own.
	Params string
	// Remote is true for an account as at an exchange, of which a live bot only hears: an
	// order that is taken back may trade until the next candle, and exits trade at its open.
	Remote bool
	// Risk are the host's bounds.
	Risk risk.Config
}

func (c PaperConfig) withDefaults(tb Reporter) PaperConfig {
	tb.Helper()
	if c.Interval == 0 {
		c.Interval = time.Minute
	}
	if c.Market.Pair == "" {
		c.Market = Market()
	}
	if c.Balance == 0 {
		million, err := c.Market.Units(decimal.New(1_000_000, 0), exchange.Down)
		if err != nil {
			tb.Fatalf("a million of %s: %v", c.Market.Counter, err)
		}
		c.Balance = million
	}
	return c
}

// orderPrefix begins the ids of a Paper's orders.
const orderPrefix = "t-"

// Step is one event as a strategy got it and what it answered.
type Step = conformance.Step

// Paper runs one strategy with the engine on a simulated account, candle by
// candle, as a host runs a paper bot: what the strategy asks for is carried out.
type Paper struct {
	// Check, if not nil, is called after what a step asked for was done.
	Check func(s Step)

	tb       Reporter
	def      strategy.Definition
	cfg      PaperConfig
	instance *strategy.Instance
	trader   *conformance.Trader
	ledger   ledger
}

// NewPaper opens the strategy and the account; if that fails, so does the test.
func NewPaper(tb Reporter, def strategy.Definition, cfg PaperConfig) *Paper {
	tb.Helper()
	cfg = cfg.withDefaults(tb)
	p := &Paper{tb: tb, def: def, cfg: cfg}
	p.open(nil)
	p.trader = &conformance.Trader{
		Check: func(s Step) {
			if p.Check != nil {
				p.Check(s)
			}
		},
		Deliver: func(v *strategy.View, ev *strategy.Event) ([]strategy.Command, error) {
			return p.instance.TryDeliver(v, ev)
		},
		Beside: cfg.Beside, Interval: cfg.Interval, Others: cfg.Others,
	}
	if sees := p.instance.Subscription(); cfg.Beside == nil && sees.Any() {
		p.trader.Beside = func(c exchange.Candle) engine.Beside { return conformance.Beside(cfg.Market.Pair, sees, c) }
	}
	one := engine.Config{
		Market: cfg.Market, Interval: cfg.Interval, Balance: cfg.Balance, Venue: p.venue(cfg.Market, cfg.Balance), OrderPrefix: orderPrefix, Risk: cfg.Risk,
		Recorder: &p.ledger, Wants: p.instance.Wants, Subscription: p.instance.Subscription(),
	}
	var err error
	if len(cfg.Also) == 0 {
		p.trader.Session, err = engine.New(one)
	} else {
		basket := engine.BasketConfig{Config: one}
		for _, m := range cfg.Also {
			basket.Legs = append(basket.Legs, engine.Leg{Market: m, Risk: cfg.Risk, Venue: p.venue(m, 0)})
		}
		p.trader.Basket, err = engine.NewBasket(basket)
	}
	if err != nil {
		tb.Fatalf("opening the session: %v", err)
	}
	return p
}

// venue opens the account in a market.
func (p *Paper) venue(m exchange.Market, balance exchange.Units) engine.Funded {
	p.tb.Helper()
	if p.cfg.Remote {
		v, err := newAway(m, balance, p.cfg)
		if err != nil {
			p.tb.Fatalf("opening the account: %v", err)
		}
		return v
	}
	v, err := paper.NewVenue(paper.VenueConfig{Market: m, Balance: balance, Fees: p.cfg.Fees, Costs: p.cfg.Costs, OrderPrefix: "P" + m.Pair + "-"})
	if err != nil {
		p.tb.Fatalf("opening the account: %v", err)
	}
	return v
}

func (p *Paper) open(snapshot *strategy.Snapshot) {
	p.tb.Helper()
	var err error
	p.instance, err = p.def.Open(strategy.OpenInput{
		Explain: p.cfg.Explain, Interval: p.cfg.Interval, Market: p.cfg.Market, Also: p.cfg.Also, Params: json.RawMessage(p.cfg.Params), Snapshot: snapshot,
	})
	if err != nil {
		p.tb.Fatalf("opening %s: %v", p.def.Info().Name, err)
	}
}

// Warmup returns how many candles of the past the strategy wants.
func (p *Paper) Warmup() int { return p.instance.Warmup() }

// Warm gives candles of the past and returns the steps; what they ask for is
// not done.
func (p *Paper) Warm(candles ...exchange.Candle) []Step {
	p.tb.Helper()
	steps, err := p.trader.Warm(candles...)
	p.must(err)
	return steps
}

// Start tells the strategy that its bot starts, if it wants to hear that.
func (p *Paper) Start() []Step {
	p.tb.Helper()
	steps, err := p.trader.Start()
	p.must(err)
	return steps
}

// Candle runs one closed candle and returns the steps that it took: fills and
// orders first, the candle itself last.
func (p *Paper) Candle(c exchange.Candle) []Step {
	p.tb.Helper()
	steps, err := p.trader.Candle(c)
	p.must(err)
	return steps
}

// Signal leaves a message from outside, which the strategy hears with the next
// candle.
func (p *Paper) Signal(s strategy.Signal) {
	p.tb.Helper()
	p.must(p.trader.Signal(s))
}

// Show gives a candle to the strategy alone: the account does not see it, and
// what the strategy asks for is not done.
func (p *Paper) Show(c exchange.Candle) Step {
	p.tb.Helper()
	s, err := p.trader.Show(c)
	p.must(err)
	return s
}

func (p *Paper) must(err error) {
	p.tb.Helper()
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
}

// View returns the account as the strategy sees it now.
func (p *Paper) View() strategy.View { return p.trader.View() }

// Equity returns what the account was worth at the newest close.
func (p *Paper) Equity() exchange.Units { return p.trader.Equity() }

// Fills returns the executions so far.
func (p *Paper) Fills() []exchange.Fill { return p.ledger.fills }

// Refusals returns why orders were denied by the host or rejected by the venue.
func (p *Paper) Refusals() []string { return p.ledger.refusals }

// State reads the strategy's state into a value of the test's, which names the
// fields that it looks at.
func (p *Paper) State(into any) {
	p.tb.Helper()
	if err := json.Unmarshal(p.snapshot().Data, into); err != nil {
		p.tb.Fatalf("reading the state of %s: %v", p.def.Info().Name, err)
	}
}

// Restart saves the strategy, forgets it and opens it again, as a host does
// after a restart.
func (p *Paper) Restart() {
	p.tb.Helper()
	s := p.snapshot()
	p.open(&s)
}

func (p *Paper) snapshot() strategy.Snapshot {
	p.tb.Helper()
	s, err := p.instance.Snapshot()
	if err != nil {
		p.tb.Fatalf("%v", err)
	}
	return s
}

// ledger keeps what a session tells of its orders.
type ledger struct {
	fills    []exchange.Fill
	refusals []string
}

// Fill implements engine.Recorder.
func (l *ledger) Fill(f exchange.Fill, _ uint64, _ portfolio.Result) { l.fills = append(l.fills, f) }

// Order implements engine.Recorder.
func (l *ledger) Order(o engine.OrderRecord) {
	if o.State == strategy.OrderDenied || o.State == strategy.OrderRejected {
		l.refusals = append(l.refusals, o.Reason)
	}
}
