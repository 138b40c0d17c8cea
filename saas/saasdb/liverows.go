package saasdb

import (
	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
)

type liveOrderRow struct {
	bun.BaseModel `bun:"table:live_orders,alias:o"`

	TenantID    string `bun:",pk"`
	BotID       string `bun:",pk"`
	Number      int64  `bun:",pk"`
	ClientID    string
	Run         int64
	Account     string
	Pair        string
	Epoch       int64
	Side        string
	Type        string
	Price       decimal.Decimal
	Volume      decimal.Decimal
	Value       decimal.Decimal
	PostOnly    bool
	TimeInForce string
	Urgent      bool
	State       journal.OrderState
	Rank        int
	Settled     bool
	Reason      string
	VenueID     string
	Told        decimal.Decimal
	Filled      decimal.Decimal
	FilledValue decimal.Decimal
	Fee         decimal.Decimal
	FeeBase     decimal.Decimal
	Floor       int64
	ValidUntil  db.Timestamp
	CancelAsked db.Timestamp
	CreatedAt   db.Timestamp
	UpdatedAt   db.Timestamp
}

func liveOrderRowOf(tenantID, botID string, o journal.LiveOrder) liveOrderRow {
	return liveOrderRow{
		TenantID: tenantID, BotID: botID, Number: o.Number, ClientID: clean(o.ClientID), Run: o.Run, Account: o.Account, Pair: o.Pair, Epoch: o.Epoch,
		Side: o.Side, Type: o.Type, Price: o.Price, Volume: o.Volume, Value: o.Value, PostOnly: o.PostOnly, TimeInForce: o.TimeInForce,
		Urgent: o.Urgent, State: o.State, Rank: o.State.Rank(), Settled: o.Settled(), Reason: clean(o.Reason), VenueID: clean(o.VenueID),
		Told: o.Told, Filled: o.Filled, FilledValue: o.FilledValue, Fee: o.Fee, FeeBase: o.FeeBase, Floor: o.Floor,
		ValidUntil: db.At(o.ValidUntil), CancelAsked: db.At(o.CancelAsked), CreatedAt: db.At(o.CreatedAt), UpdatedAt: db.At(o.UpdatedAt),
	}
}

func (r liveOrderRow) order() journal.LiveOrder {
	return journal.LiveOrder{
		Order: journal.Order{
			ClientID: r.ClientID, BotID: r.BotID, Run: r.Run, Number: r.Number, Side: r.Side, Type: r.Type,
			Price: r.Price, Volume: r.Volume, Value: r.Value, PostOnly: r.PostOnly, TimeInForce: r.TimeInForce,
			State: r.State, Reason: r.Reason, Filled: r.Filled, FilledValue: r.FilledValue, Fee: r.Fee,
			CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
		},
		Account: r.Account, Pair: r.Pair, Epoch: r.Epoch, Urgent: r.Urgent, VenueID: r.VenueID, Told: r.Told, FeeBase: r.FeeBase,
		Floor: r.Floor, ValidUntil: r.ValidUntil.Time, CancelAsked: r.CancelAsked.Time,
	}
}

type transitionRow struct {
	bun.BaseModel `bun:"table:live_transitions,alias:t"`

	TenantID  string `bun:",pk"`
	BotID     string `bun:",pk"`
	Event     int64  `bun:",pk"`
	Number    int64
	FromState journal.OrderState
	ToState   journal.OrderState
	Cause     string
	At        db.Timestamp
}

func transitionRowOf(tenantID, botID string, t journal.Transition) transitionRow {
	return transitionRow{
		TenantID: tenantID, BotID: botID, Event: t.Event, Number: t.Order, FromState: t.From, ToState: t.To, Cause: clean(t.Cause), At: db.At(t.At),
	}
}

func (r transitionRow) transition() journal.Transition {
	return journal.Transition{Order: r.Number, Event: r.Event, From: r.FromState, To: r.ToState, Cause: r.Cause, At: r.At.Time}
}

type liveFillRow struct {
	bun.BaseModel `bun:"table:live_fills,alias:f"`

	TenantID   string `bun:",pk"`
	BotID      string `bun:",pk"`
	Number     int64  `bun:",pk"`
	Sequence   int64  `bun:",pk"`
	Event      int64
	ClientID   string
	Pair       string
	Side       string
	Price      decimal.Decimal
	Volume     decimal.Decimal
	Value      decimal.Decimal
	FeeCounter decimal.Decimal
	FeeBase    decimal.Decimal
	Maker      bool
	At         db.Timestamp
}

func liveFillRowOf(tenantID, botID string, f journal.LiveFill) liveFillRow {
	return liveFillRow{
		TenantID: tenantID, BotID: botID, Number: f.Order, Sequence: f.Sequence, Event: f.Event, ClientID: clean(f.ClientID), Pair: f.Pair, Side: f.Side,
		Price: f.Price, Volume: f.Volume, Value: f.Value, FeeCounter: f.FeeCounter, FeeBase: f.FeeBase, Maker: f.Maker, At: db.At(f.Time),
	}
}

func (r liveFillRow) fill() journal.LiveFill {
	return journal.LiveFill{
		Fill: journal.Fill{
			BotID: r.BotID, Sequence: r.Sequence, ClientID: r.ClientID, Side: r.Side, Price: r.Price, Volume: r.Volume, Value: r.Value,
			FeeCounter: r.FeeCounter, FeeBase: r.FeeBase, Maker: r.Maker, Time: r.At.Time,
		},
		Order: r.Number, Pair: r.Pair, Event: r.Event,
	}
}

type bookRow struct {
	bun.BaseModel `bun:"table:live_books,alias:b"`

	TenantID        string `bun:",pk"`
	BotID           string `bun:",pk"`
	Pair            string `bun:",pk"`
	Account         string
	BaseCurrency    string
	CounterCurrency string
	GivenBase       decimal.Decimal
	GivenCounter    decimal.Decimal
	Base            decimal.Decimal
	Counter         decimal.Decimal
	Mark            int64
}

func bookRowOf(tenantID, botID string, b journal.Book) bookRow {
	return bookRow{
		TenantID: tenantID, BotID: botID, Pair: b.Pair, Account: b.Account, BaseCurrency: b.BaseCurrency, CounterCurrency: b.CounterCurrency,
		GivenBase: b.GivenBase, GivenCounter: b.GivenCounter, Base: b.Base, Counter: b.Counter, Mark: b.Mark,
	}
}

func (r bookRow) book() journal.Book {
	return journal.Book{
		BotID: r.BotID, Account: r.Account, Pair: r.Pair, BaseCurrency: r.BaseCurrency, CounterCurrency: r.CounterCurrency,
		GivenBase: r.GivenBase, GivenCounter: r.GivenCounter, Base: r.Base, Counter: r.Counter, Mark: r.Mark,
	}
}

type foreignRow struct {
	bun.BaseModel `bun:"table:live_foreign,alias:x"`

	TenantID  string `bun:",pk"`
	BotID     string `bun:",pk"`
	Pair      string `bun:",pk"`
	VenueID   string `bun:",pk"`
	ClientID  string
	Side      string
	Price     decimal.Decimal
	Volume    decimal.Decimal
	Ours      bool
	Over      bool
	FoundAt   db.Timestamp
	Decision  journal.ForeignDecision
	DecidedBy string
	DecidedAt db.Timestamp
}

func foreignRowOf(tenantID, botID string, f journal.ForeignOrder) foreignRow {
	return foreignRow{
		TenantID: tenantID, BotID: botID, Pair: f.Pair, VenueID: clean(f.VenueID), ClientID: clean(f.ClientID), Side: f.Side, Price: f.Price,
		Volume: f.Volume, Ours: f.Ours, Over: f.Over, FoundAt: db.At(f.FoundAt),
	}
}

func (r foreignRow) foreign() journal.ForeignOrder {
	return journal.ForeignOrder{
		BotID: r.BotID, Pair: r.Pair, VenueID: r.VenueID, ClientID: r.ClientID, Side: r.Side, Price: r.Price, Volume: r.Volume, Ours: r.Ours,
		Over: r.Over, FoundAt: r.FoundAt.Time, Decision: r.Decision, DecidedBy: r.DecidedBy, DecidedAt: r.DecidedAt.Time,
	}
}

type checkRow struct {
	bun.BaseModel `bun:"table:live_checks,alias:c"`

	TenantID string `bun:",pk"`
	BotID    string `bun:",pk"`
	Account  string
	At       db.Timestamp
	Paused   string
	ResumeBy string
	ResumeAt db.Timestamp
	Body     document[journal.Check]
}

func checkRowOf(tenantID, botID string, c journal.Check) checkRow {
	return checkRow{TenantID: tenantID, BotID: botID, Account: c.Account, At: db.At(c.At), Paused: clean(c.Paused), Body: document[journal.Check]{c}}
}

func (r checkRow) check() journal.Check {
	c := r.Body.value
	c.BotID, c.Account, c.At, c.Paused, c.ResumeBy, c.ResumeAt = r.BotID, r.Account, r.At.Time, r.Paused, r.ResumeBy, r.ResumeAt.Time
	return c
}
