package lunostream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

const (
	ownStatus = `{"type":"order_status","timestamp":5,"order_status_update":{"order_id":"BXA","client_order_id":"c-1","market_id":"XBTMYR","status":"PENDING"},` +
		`"order_fill_update":null,"balance_update":null}`
	ownFill = `{"type":"order_fill","timestamp":6,"order_status_update":null,"order_fill_update":{"order_id":"BXA","client_order_id":"c-1","market_id":"XBTMYR",` +
		`"base_fill":"0.25","counter_fill":"62500.000000001","base_delta":"0.25","counter_delta":"62500","base_fee":"0.0000000000000001","counter_fee":"0.000000001",` +
		`"base_fee_delta":"0","counter_fee_delta":"0"},"balance_update":null}`
	ownBalance = `{"type":"balance_update","timestamp":7,"order_status_update":null,"order_fill_update":null,"balance_update":{"account_id":9223372036854775807,` +
		`"row_index":12,"balance":"1.5","balance_delta":"-0.5","available":"1.25","available_delta":"0"}}`
)

// account returns the user stream of a fake.
func account(t testing.TB, f *fake, log *bytes.Buffer) *lunostream.Account {
	t.Helper()
	a, err := lunostream.NewAccount(lunostream.AccountConfig{
		Dialer: f.dialer(), Markets: f, Log: slog.New(slog.NewTextHandler(log, nil)), Rand: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// keep runs a test while an account's stream is kept.
func keep(t *testing.T, seed uint64, test func(t *testing.T, f *fake, heard func() []exchange.AccountEvent)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, rand.New(rand.NewPCG(seed, 3)))
		defer f.stop()
		var log bytes.Buffer
		var mu sync.Mutex
		var events []exchange.AccountEvent
		a := account(t, f, &log)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- a.Keep(ctx, func(e exchange.AccountEvent) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			})
		}()
		defer func() {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			secretless(t, log.String())
		}()
		test(t, f, func() []exchange.AccountEvent {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(events)
		})
	})
}

// Every message tells what is now true, in the market's units.
func TestAccountEvents(t *testing.T) {
	t.Parallel()
	keep(t, 1, func(t *testing.T, f *fake, heard func() []exchange.AccountEvent) {
		heard()
		unknown := `{"type":"something_new","timestamp":8,"news":[1]}`
		finer := strings.Replace(strings.Replace(ownFill, "BXA", "BXF", 1), `"0.25"`, `"0.2500000001"`, 1)
		for _, m := range []string{ownStatus, unknown, ownFill, ownBalance, finer} {
			f.set(func() { f.send([]byte(m), true) })
		}
		want := []string{
			"connected",
			`{XBTMYR BXA c-1 2 false 0 0 0 0 5}`,
			`{XBTMYR BXA c-1 0 true 250000 6250000000000 1 1 6}`, // fees are rounded up
			`{9223372036854775807 12 1.5 1.25 7}`,
			`{XBTMYR BXF c-1 0 false 0 0 0 0 6}`, // finer than the market allows: to be looked up
		}
		events := heard()
		if len(events) != len(want) {
			t.Fatalf("%d events, want %d", len(events), len(want))
		}
		for i, e := range events {
			got := "connected"
			if e.Order != nil {
				got = fmt.Sprint(*e.Order)
			} else if e.Balance != nil {
				got = fmt.Sprint(*e.Balance)
			}
			if got != want[i] {
				t.Errorf("event %d is %s, want %s", i, got, want[i])
			}
		}
	})
}

// Whatever is repeated, comes late or is told again after a break: each order and
// each booking goes forward only, nothing is told twice, and the last of each is
// what is true. // proves T7
func TestAccountTellsOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		keep(t, seed, func(t *testing.T, f *fake, heard func() []exchange.AccountEvent) {
			const orders, accounts = 6, 3
			filled, rows := [orders]int{}, [accounts]int{}
			complete := [orders]bool{}
			var said []string
			for range 400 {
				time.Sleep(time.Duration(f.chance.IntN(2000)) * time.Millisecond)
				n, message := f.chance.IntN(orders), ""
				switch f.chance.IntN(8) {
				case 0:
					f.set(func() { f.user = said[max(0, len(said)-30):] }) // what it says again
					f.dropAll()
					continue
				case 1, 2:
					if len(said) > 0 { // again, and late
						message = said[max(0, len(said)-1-f.chance.IntN(10))]
					}
				case 3:
					complete[n] = true
					message = strings.Replace(strings.Replace(ownStatus, "BXA", fmt.Sprintf("BX%d", n), 1), "PENDING", "COMPLETE", 1)
				case 4:
					k := f.chance.IntN(accounts)
					rows[k]++
					message = strings.Replace(strings.Replace(ownBalance, "9223372036854775807", fmt.Sprint(k+1), 1), `"row_index":12`, fmt.Sprintf(`"row_index":%d`, rows[k]), 1)
				default:
					filled[n] += 1 + f.chance.IntN(50)
					message = strings.Replace(strings.Replace(ownFill, "BXA", fmt.Sprintf("BX%d", n), 1), `"0.25"`, fmt.Sprintf(`"0.%06d"`, filled[n]), 1)
				}
				if message != "" {
					said = append(said, message)
					f.set(func() { f.send([]byte(message), true) })
				}
			}
			f.set(func() { f.user = said })
			f.dropAll()
			time.Sleep(3 * time.Minute)
			last, over, row := map[string]exchange.Steps{}, map[string]bool{}, map[string]int64{}
			for _, e := range heard() {
				switch {
				case e.Order != nil && e.Order.Executed:
					if e.Order.Filled <= last[e.Order.OrderID] {
						t.Fatalf("order %s goes from %d to %d", e.Order.OrderID, last[e.Order.OrderID], e.Order.Filled)
					}
					last[e.Order.OrderID] = e.Order.Filled
				case e.Order != nil:
					if over[e.Order.OrderID] {
						t.Fatalf("order %s is over twice", e.Order.OrderID)
					}
					over[e.Order.OrderID] = e.Order.Status == exchange.Complete
				case e.Balance != nil:
					if e.Balance.Row <= row[e.Balance.Account] {
						t.Fatalf("row %d of %s after %d", e.Balance.Row, e.Balance.Account, row[e.Balance.Account])
					}
					row[e.Balance.Account] = e.Balance.Row
				}
			}
			for n := range orders {
				if id := fmt.Sprintf("BX%d", n); int(last[id]) != filled[n] || over[id] != complete[n] {
					t.Errorf("order %s has %d, complete %t; want %d, %t", id, last[id], over[id], filled[n], complete[n])
				}
			}
			for k := range accounts {
				if got := row[fmt.Sprint(k+1)]; int(got) != rows[k] {
					t.Errorf("account %d is at row %d, want %d", k+1, got, rows[k])
				}
			}
		})
	}
}

// The pauses before a stream is opened again grow, and begin anew once it works.
func TestAccountPauses(t *testing.T) {
	t.Parallel()
	keep(t, 1, func(t *testing.T, f *fake, heard func() []exchange.AccountEvent) {
		heard()
		f.set(func() { f.farewell = "session limit exceeded" })
		f.dropAll()
		at := time.Now()
		for i, pause := range []time.Duration{375, 750, 1500, 3000, 6000, 12000, 24000, 45000, 45000} {
			at = at.Add(pause * time.Millisecond)
			time.Sleep(time.Until(at) - time.Millisecond)
			heard()
			before, _ := f.connections()
			time.Sleep(2 * time.Millisecond)
			heard()
			if after, _ := f.connections(); before != i+1 || after != i+2 {
				t.Fatalf("pause %d: %d connections before %s and %d after", i, before, pause*time.Millisecond, after)
			}
		}
		f.set(func() { f.farewell = "" })
		time.Sleep(5 * time.Minute) // quiet, and open
		f.dropAll()
		heard()
		before, _ := f.connections()
		time.Sleep(400 * time.Millisecond)
		heard()
		if after, _ := f.connections(); after != before+1 {
			t.Error("the pauses did not begin anew")
		}
	})
}

func TestDecodeOwnRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ message, old, with, field, tells string }{
		"nothing":            {ownFill, ownFill, "", "", "expected"},
		"no type":            {ownFill, `"type":"order_fill",`, "", "", "lacks the type"},
		"another's message":  {ownFill, `"order_fill"`, `"order_status"`, "order_status_update", "lacks the"},
		"no order":           {ownFill, `"order_id":"BXA",`, "", "order_fill_update", "order id"},
		"no fee":             {ownFill, `"base_fee":"0.0000000000000001",`, "", "order_fill_update", "base_fee"},
		"a huge exponent":    {ownFill, `"0.25"`, `"1e99999999"`, "order_fill_update.base_fill", "not a number"},
		"a bare number":      {ownFill, `"0.25"`, `0.25`, "order_fill_update.base_fill", "expected"},
		"an unknown state":   {ownStatus, "PENDING", "DONE", "order_status_update.status", "no state"},
		"an account in text": {ownBalance, "9223372036854775807", `"x"`, "balance_update.account_id", "no whole number"},
		"no row":             {ownBalance, `"row_index":12,`, "", "balance_update", "row_index"},
		"cut off":            {ownBalance, `"available":"1.25","available_delta":"0"}}`, "", "balance_update", "expected"},
	} {
		_, err := lunostream.DecodeOwn([]byte(strings.Replace(test.message, test.old, test.with, 1)))
		var told *lunostream.MessageError
		if !errors.As(err, &told) || told.Field != test.field || !strings.Contains(told.Reason, test.tells) {
			t.Errorf("%s: error %v, want %s: %s", name, err, test.field, test.tells)
		}
	}
}

// FuzzOwn: no message of the user stream makes the decoder panic, and what it
// takes is JSON with the same values as a slow decoder finds.
func FuzzOwn(f *testing.F) {
	for _, m := range []string{ownStatus, ownFill, ownBalance, `{"error_code":"auth_timeout","error":"x"}`, `{"type":"x","timestamp":1}`, `""`} {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		o, err := lunostream.DecodeOwn(message)
		if err != nil {
			checkTyped(t, err)
			return
		}
		v, err := values(message)
		if err != nil || !json.Valid(message) {
			t.Fatalf("%q is taken and is no JSON: %v", message, err)
		}
		part := func(name string) map[string]any {
			m, _ := v[name].(map[string]any)
			return m
		}
		same := func(what string, got, want any) {
			t.Helper()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%q: %s is %v, want %v", message, what, got, want)
			}
		}
		same("the time", o.Time, v["timestamp"])
		switch o.Kind {
		case lunostream.OwnFill:
			for what, got := range map[string]decimal.Decimal{"base_fill": o.Base, "counter_fill": o.Counter, "base_fee": o.BaseFee, "counter_fee": o.CounterFee} {
				if want, err := decimal.NewFromString(fmt.Sprint(part("order_fill_update")[what])); err != nil || !want.Equal(got) {
					t.Fatalf("%q: %s is %s, want %s", message, what, got, want)
				}
			}
		case lunostream.OwnBalance:
			same("the account", o.Account, part("balance_update")["account_id"])
			same("the row", o.Row, part("balance_update")["row_index"])
		case lunostream.OwnStatus:
			same("the type", "order_status", v["type"])
		case lunostream.OwnOther:
		}
	})
}
