package exchangetest

import (
	"reflect"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
)

func ledgerCards() []Card {
	return []Card{
		{Name: "the ledger explains the balances", Needs: []Capability{Ledgers}, run: ledgerExplains,
			Proves: "Bookings are numbered without a gap, each follows from the one before, and the last one is the balance (T6, T8)."},
	}
}

func ledgerExplains(d *desk) {
	d.place(d.bob, d.limit(exchange.Sell, d.Price, d.Lot))
	r := d.limit(exchange.Buy, d.Price, 2*d.Lot)
	d.place(d.ann, r)
	d.filled(d.ann, r.ClientID, d.Lot)
	trade := d.fills(d.ann, 1)[0].Sequence
	list, err := d.ann.Balances(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	for _, b := range list {
		if b.Currency != d.Market.Base && b.Currency != d.Market.Counter {
			continue
		}
		d.wait("the ledger in "+b.Currency+" ends with the balance", func() bool {
			rows := d.rows(b.Account, 0, 1000)
			n := len(rows)
			return n > 0 && rows[n-1].Balance.Equal(b.Total) && rows[n-1].Available.Equal(b.Free())
		})
		rows := d.rows(b.Account, 0, 1000)
		balance, available, booked := decimal.Zero, decimal.Zero, false
		for i, e := range rows {
			balance, available = balance.Add(e.Delta), available.Add(e.AvailableDelta)
			if e.Row != int64(i+1) || e.Currency != b.Currency || e.Account != b.Account || !e.Balance.Equal(balance) || !e.Available.Equal(available) || e.Time <= 0 {
				d.Fatalf("row %d in %s, after which there are to be %s and %s free, is %+v", i+1, b.Currency, balance, available, e)
			}
			booked = booked || e.Sequence == trade && e.Pair == d.pair
		}
		if !booked {
			d.Errorf("no row in %s names the trade %d", b.Currency, trade)
		}
		var paged []exchange.LedgerEntry
		for after := int64(0); ; {
			page := d.rows(b.Account, after, 2)
			if len(page) == 0 || len(page) > 2 || len(paged) > len(rows) {
				break
			}
			paged, after = append(paged, page...), page[len(page)-1].Row
		}
		if !reflect.DeepEqual(paged, rows) {
			d.Errorf("in pages of 2 the ledger in %s is %+v, want %+v", b.Currency, paged, rows)
		}
	}
}

func (d *desk) rows(account string, after int64, limit int) []exchange.LedgerEntry {
	d.Helper()
	rows, err := d.Ledger.Entries(d.Context(), account, after, limit)
	if err != nil {
		d.Fatalf("the ledger of %s: %v", account, err)
	}
	return rows
}
