package lunosim_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/lunosim"
)

// keeping is a simulator with a state file.
func keeping(t *testing.T, file string, clock func() time.Time) *bench {
	t.Helper()
	return setup(t, func(c *lunosim.Config) { c.State, c.Now = file, clock })
}

// killed returns what a simulator that dies now leaves behind: a copy of its file.
func killed(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// told is all that both accounts and the public learn, the books apart.
func (b *bench) told(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for i, c := range []caller{b.ann, b.bob} {
		rich := caller{b.url, b.Keys()[3*i+2]}
		get := func(path string, params ...string) map[string]any {
			r := rich.send(t, http.MethodGet, path, params...)
			fmt.Fprintln(&out, path, r.status, r.body)
			return decode(t, r.body)
		}
		for _, account := range items(get("/api/1/balance"), "balance") {
			id := account["account_id"].(string)
			get("/api/1/accounts/"+id+"/transactions", "min_row=-900", "max_row=0")
			get("/api/exchange/1/transfers", "account_id="+id)
		}
		get("/api/exchange/2/listorders")
		for _, o := range items(get("/api/exchange/2/listorders", "closed=true", "limit=1000"), "orders") {
			get("/api/1/orders/" + o["order_id"].(string))
		}
		get("/api/1/listorders", "limit=1000")
		get("/api/1/listtrades", "pair=XBTMYR", "limit=1000")
		get("/api/1/fee_info", "pair=XBTMYR")
		get("/api/exchange/3/order", "client_order_id=mine-"+c.key.ID)
	}
	for _, path := range []string{"/api/1/trades", "/api/exchange/1/candles"} {
		fmt.Fprintln(&out, b.ann.send(t, http.MethodGet, path, "pair=XBTMYR", "duration=60", fmt.Sprint("since=", b.clock.Now().UnixMilli()-3_600_000)).body)
	}
	return out.String()
}

// trade lets everything happen that an account's books remember.
func (b *bench) trade(t *testing.T, tag string) {
	t.Helper()
	for _, pair := range []string{"XBTMYR", "ETHMYR"} {
		traders, err := b.NewTraders(pair)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := traders.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.clock.Advance(time.Second)
		}
	}
	b.bob.limit(t, "BID", "350000", "0.1", "client_order_id=rests-"+tag)
	b.ann.limit(t, "ASK", "300000", "0.02", "client_order_id=taker-"+tag)
	b.ann.limit(t, "ASK", "330000", "0.01", "stop_price=340000", "stop_direction=BELOW", "client_order_id=stop-"+tag)
	id := b.bob.limit(t, "BID", "349000", "0.1")
	b.bob.send(t, http.MethodPost, "/api/1/stoporder", "order_id="+id).json(t)
	b.bob.send(t, http.MethodPost, "/api/1/marketorder", "pair=XBTMYR", "type=BUY", "counter_volume=500").json(t)
	b.bob.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=1", "volume=1").refused(t, 400, "ErrPriceTooLow")
	if err := b.Deposit("trader-2", "MYR", number(t, "12.5")); err != nil {
		t.Fatal(err)
	}
}

// proves T8 over restarts: a simulator that died at any moment, and one that goes on from
// what it left, tell the same of every order, trade, balance and row, and go on counting.
func TestStateOutlivesTheSimulator(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	clock := newClock()
	b := keeping(t, file, clock.Now)
	b.clock = clock
	for i, c := range []caller{b.ann, b.bob} {
		c.limit(t, []string{"ASK", "BID"}[i], []string{"900000", "100000"}[i], "0.01", "client_order_id=mine-"+c.key.ID)
	}
	for round := range 3 {
		b.trade(t, fmt.Sprint(round))
		want := b.told(t)
		left := killed(t, file)
		if round == 1 { // a power failure cut the last line off
			f, err := os.OpenFile(left, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(`{"Time":1800000`); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		again := keeping(t, left, clock.Now)
		again.clock = clock
		if got := again.told(t); got != want {
			t.Fatalf("round %d: it tells\n%s\nand did tell\n%s", round, got, want)
		}
		book := again.ann.get(t, "/api/1/orderbook", "pair=XBTMYR")
		if asks, bids := len(items(book, "asks")), len(items(book, "bids")); asks != 1 || bids != 2+round {
			t.Errorf("round %d: %d asks and %d bids are left when the traders have gone", round, asks, bids)
		}
		again.bob.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=200000", "volume=0.1", "client_order_id=mine-"+again.bob.key.ID).
			refused(t, 409, "ErrDuplicateClientOrderID")
		b, file = again, left
	}
	s := b.bob.stream(t, "/api/1/stream/XBTMYR")
	newCopy(t, s.next()).compare(t, b, "XBTMYR")
}

// proves T8 after a kill -9 with faults on: what a fault did to orders ends with it, for no
// list of a simulator that begins anew has it.
func TestStateKeepsNoFaults(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	clock := newClock()
	b := keeping(t, file, clock.Now)
	b.bob.limit(t, "ASK", "300000", "0.01")
	b.fault(t, lunosim.Fault{Kind: lunosim.QuietPostOnly})
	for range 2 { // also from what the second one left
		file = killed(t, file)
		b = keeping(t, file, clock.Now)
		if list := b.Faults(); len(list) != 0 {
			t.Errorf("faults %v", list)
		}
		b.ann.send(t, http.MethodPost, "/api/1/postorder", "pair=XBTMYR", "type=BID", "price=300000", "volume=0.01", "post_only=true").
			refused(t, 400, "ErrOrderCanceled")
	}
}

func TestStateFileRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	clock := newClock()
	b := keeping(t, file, clock.Now)
	b.bob.limit(t, "BID", "350000", "0.1")
	config := func(name string) lunosim.Config {
		return lunosim.Config{Markets: lunosim.Markets(), Now: clock.Now, Accounts: lunosim.DefaultAccounts(7, 2), Seed: 7, State: name}
	}
	refused := func(want string, cfg lunosim.Config) {
		t.Helper()
		if _, err := lunosim.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused("another simulator", config(file))
	for want, change := range map[string]func(*lunosim.Config){
		"the seed 7":           func(c *lunosim.Config) { c.Seed = 8 },
		"the markets XBTMYR,":  func(c *lunosim.Config) { c.Markets = c.Markets[:2] },
		"2 accounts":           func(c *lunosim.Config) { c.Accounts = c.Accounts[:1] },
		"fees of 0 and 0.001":  func(c *lunosim.Config) { c.Fees = &exchange.Fees{Maker: 1} },
		"base currency: false": func(c *lunosim.Config) { c.BaseFees = true },
	} {
		other := config(killed(t, file))
		change(&other)
		refused(want, other)
	}
	broken := killed(t, file)
	raw, err := os.ReadFile(broken)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	for want, text := range map[string][]byte{
		"no state file":   []byte("hello"),
		"first line":      []byte("hello\n"),
		"version 0":       []byte("{}\n"),
		"line 2":          bytes.Join([][]byte{first, []byte("{}"), rest}, []byte("\n")),
		"no member \"x\"": append(raw, []byte(`{"Time":1,"Member":"x","Cancel":"y"}`+"\n")...),
	} {
		if err := os.WriteFile(broken, text, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(want, config(broken))
	}
	refused("state file", config(filepath.Join(file, "below")))
}

// The file is written anew once it has grown, while others trade, and left when Keep
// ends.
func TestStateFileIsKeptSmall(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	b := keeping(t, file, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- b.Keep(ctx) }()
	member, ok := b.Venue().Member("house")
	if !ok {
		t.Fatal("there is no house")
	}
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	if err := member.Deposit("MYR", number(t, "1000000")); err != nil {
		t.Fatal(err)
	}
	most := int64(0)
	for end := time.Now().Add(patience); ; {
		for range 500 {
			o, err := member.Place(ctx, exchange.OrderRequest{Pair: "XBTMYR", Side: exchange.Buy, Type: exchange.LimitOrder, Price: 300_000, Volume: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if err := member.Cancel(ctx, "XBTMYR", o.ID); err != nil {
				t.Fatal(err)
			}
		}
		now := size()
		if now < most {
			break
		}
		if most = now; time.Now().After(end) {
			t.Fatalf("the file has %d bytes and grows", most)
		}
	}
	b.bob.limit(t, "BID", "250000", "0.1", "client_order_id=last")
	cancel()
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	again := keeping(t, file, time.Now) // the lock is free
	if o := again.bob.get(t, "/api/exchange/3/order", "client_order_id=last"); o["status"] != "PENDING" {
		t.Errorf("the last order is %v", o)
	}
}
