package paper

import (
	"context"
	"errors"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

// Input is one thing that was done to an Exchange, whatever came of it. Which it is its
// fields say; the others are zero.
type Input struct {
	// Time is when it came, in epoch milliseconds.
	Time int64
	// Member is who placed an order, took one back or got money.
	Member string `json:",omitzero"`
	// Place is an order.
	Place *exchange.OrderRequest `json:",omitzero"`
	// Pair is the market of the fields below.
	Pair string `json:",omitzero"`
	// Cancel is the id of an order that was taken back.
	Cancel string `json:",omitzero"`
	// Status is what a market was set to.
	Status exchange.MarketStatus `json:",omitzero"`
	// Beat is true where a market's watchers were told that nothing happened.
	Beat bool `json:",omitzero"`
	// Deposit is an amount of a currency.
	Currency string          `json:",omitzero"`
	Deposit  decimal.Decimal `json:",omitzero"`
	// Quiet is what SetQuietPostOnly was told.
	Quiet *bool `json:",omitzero"`
}

// begin lets the clock stand still for one thing that is done, until end. The caller
// holds the lock.
func (e *Exchange) begin() {
	if e.at = e.again; e.at == 0 {
		e.at = e.cfg.Now().UnixMilli()
	}
}

func (e *Exchange) end() { e.at = 0 }

// recorded reports whether somebody wants to know what is done.
func (e *Exchange) recorded() bool { return e.cfg.Record != nil && e.again == 0 }

// record tells what is done, after begin.
func (e *Exchange) record(in Input) {
	if e.recorded() {
		in.Time = e.at
		e.cfg.Record(in)
	}
}

// Replay does again what was recorded, at its time; what was refused then is refused
// again. With the same config, members and inputs an exchange comes to the same state,
// and tells its watchers the same. Nothing is recorded. It is for before anybody trades;
// an error says that the exchange is not the one that was recorded.
func (e *Exchange) Replay(ctx context.Context, in Input) error {
	if in.Time <= 0 {
		return errors.New("paper exchange: what is replayed has no time")
	}
	m, known := e.Member(in.Member)
	if in.Member != "" && !known {
		return fmt.Errorf("paper exchange: there is no member %q", in.Member)
	}
	e.setAgain(in.Time)
	defer e.setAgain(0)
	var err error
	switch {
	case in.Member != "" && in.Place != nil:
		_, err = m.Place(ctx, *in.Place)
	case in.Member != "" && in.Cancel != "":
		err = m.Cancel(ctx, in.Pair, in.Cancel)
	case in.Member != "" && in.Currency != "":
		err = m.Deposit(in.Currency, in.Deposit)
	case in.Status != "":
		err = e.SetStatus(in.Pair, in.Status)
	case in.Beat:
		err = e.Beat(in.Pair)
	case in.Quiet != nil:
		e.SetQuietPostOnly(*in.Quiet)
	default:
		return errors.New("paper exchange: what is replayed says nothing")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if refused := (*exchange.Error)(nil); errors.As(err, &refused) || in.Currency != "" {
		return nil
	}
	return err
}

func (e *Exchange) setAgain(at int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.again = at
}
