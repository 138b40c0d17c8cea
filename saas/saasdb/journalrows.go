package saasdb

import (
	"encoding/json"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/journal"
)

type orderRow struct {
	bun.BaseModel `bun:"table:bot_orders,alias:o"`

	TenantID    string `bun:",pk"`
	BotID       string `bun:",pk"`
	ClientID    string `bun:",pk"`
	Pair        string
	Run         int64
	Number      int64
	Side        string
	Type        string
	Price       decimal.Decimal
	Volume      decimal.Decimal
	Value       decimal.Decimal
	PostOnly    bool
	TimeInForce string
	State       journal.OrderState
	Rank        int
	Reason      string
	Filled      decimal.Decimal
	FilledValue decimal.Decimal
	Fee         decimal.Decimal
	CreatedAt   db.Timestamp
	UpdatedAt   db.Timestamp
}

func orderRowOf(tenantID, botID string, o journal.Order) orderRow {
	return orderRow{
		TenantID: tenantID, BotID: botID, ClientID: o.ClientID, Pair: o.Pair, Run: o.Run, Number: o.Number, Side: o.Side, Type: o.Type,
		Price: o.Price, Volume: o.Volume, Value: o.Value, PostOnly: o.PostOnly, TimeInForce: o.TimeInForce,
		State: o.State, Rank: o.State.Rank(), Reason: clean(o.Reason), Filled: o.Filled, FilledValue: o.FilledValue, Fee: o.Fee,
		CreatedAt: db.At(o.CreatedAt), UpdatedAt: db.At(o.UpdatedAt),
	}
}

func (r orderRow) order() journal.Order {
	return journal.Order{
		ClientID: r.ClientID, BotID: r.BotID, Pair: r.Pair, Run: r.Run, Number: r.Number, Side: r.Side, Type: r.Type,
		Price: r.Price, Volume: r.Volume, Value: r.Value, PostOnly: r.PostOnly, TimeInForce: r.TimeInForce,
		State: r.State, Reason: r.Reason, Filled: r.Filled, FilledValue: r.FilledValue, Fee: r.Fee,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
	}
}

type fillRow struct {
	bun.BaseModel `bun:"table:bot_fills,alias:f"`

	TenantID   string `bun:",pk"`
	BotID      string `bun:",pk"`
	Sequence   int64  `bun:",pk"`
	Pair       string
	ClientID   string
	Side       string
	Price      decimal.Decimal
	Volume     decimal.Decimal
	Value      decimal.Decimal
	FeeCounter decimal.Decimal
	FeeBase    decimal.Decimal
	Profit     decimal.Decimal
	Maker      bool
	At         db.Timestamp
}

func fillRowOf(tenantID, botID string, f journal.Fill) fillRow {
	return fillRow{
		TenantID: tenantID, BotID: botID, Pair: f.Pair, Sequence: f.Sequence, ClientID: f.ClientID, Side: f.Side, Price: f.Price, Volume: f.Volume,
		Value: f.Value, FeeCounter: f.FeeCounter, FeeBase: f.FeeBase, Profit: f.Profit, Maker: f.Maker, At: db.At(f.Time),
	}
}

func (r fillRow) fill() journal.Fill {
	return journal.Fill{
		BotID: r.BotID, Pair: r.Pair, Sequence: r.Sequence, ClientID: r.ClientID, Side: r.Side, Price: r.Price, Volume: r.Volume,
		Value: r.Value, FeeCounter: r.FeeCounter, FeeBase: r.FeeBase, Profit: r.Profit, Maker: r.Maker, Time: r.At.Time,
	}
}

type decisionRow struct {
	bun.BaseModel `bun:"table:bot_decisions,alias:d"`

	TenantID string `bun:",pk"`
	BotID    string `bun:",pk"`
	Number   int64  `bun:",pk"`
	Kind     string
	Text     string
	At       db.Timestamp
}

func decisionRowOf(tenantID, botID string, d journal.Decision) decisionRow {
	return decisionRow{TenantID: tenantID, BotID: botID, Number: d.Number, Kind: d.Kind, Text: clean(d.Text), At: db.At(d.Time)}
}

func (r decisionRow) decision() journal.Decision {
	return journal.Decision{BotID: r.BotID, Number: r.Number, Kind: r.Kind, Text: r.Text, Time: r.At.Time}
}

type equityRow struct {
	bun.BaseModel `bun:"table:bot_equity,alias:e"`

	TenantID string       `bun:",pk"`
	BotID    string       `bun:",pk"`
	At       db.Timestamp `bun:",pk"`
	Equity   decimal.Decimal
	Position decimal.Decimal
	Price    decimal.Decimal
}

func equityRowOf(tenantID, botID string, p journal.EquityPoint) equityRow {
	return equityRow{TenantID: tenantID, BotID: botID, At: db.At(p.Time), Equity: p.Equity, Position: p.Position, Price: p.Price}
}

func (r equityRow) point() journal.EquityPoint {
	return journal.EquityPoint{BotID: r.BotID, Time: r.At.Time, Equity: r.Equity, Position: r.Position, Price: r.Price}
}

type checkpointRow struct {
	bun.BaseModel `bun:"table:bot_checkpoints,alias:k"`

	TenantID   string `bun:",pk"`
	BotID      string `bun:",pk"`
	Run        int64
	Sequence   int64
	MarketTime db.Timestamp
	State      string
	Summary    document[journal.Summary]
}

func checkpointRowOf(tenantID, botID string, c journal.Checkpoint) checkpointRow {
	return checkpointRow{
		TenantID: tenantID, BotID: botID, Run: c.Run, Sequence: c.Sequence, MarketTime: db.At(c.MarketTime),
		State: clean(string(c.State)), Summary: document[journal.Summary]{c.Summary},
	}
}

func (r checkpointRow) checkpoint() journal.Checkpoint {
	return journal.Checkpoint{
		BotID: r.BotID, Run: r.Run, Sequence: r.Sequence, MarketTime: r.MarketTime.Time,
		State: json.RawMessage(r.State), Summary: r.Summary.value,
	}
}

// before reports whether r is an older checkpoint of the bot than other.
func (r checkpointRow) before(other checkpointRow) bool {
	if r.Run != other.Run {
		return r.Run < other.Run
	}
	return r.Sequence < other.Sequence
}
