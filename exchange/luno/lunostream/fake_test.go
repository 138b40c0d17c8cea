package lunostream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/shopspring/decimal"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
)

const (
	keyID  = "the-key-id"
	secret = "the-very-secret-half"
	pair   = "XBTMYR"
	minute = int64(60_000)
)

// fake is a small Luno: one market that a model moves, its stream, and as much of
// REST as a source asks. Its REST answers are a second old, as the real ones may
// be.
type fake struct {
	t      testing.TB
	market exchange.Market
	wire   *wire
	work   sync.WaitGroup

	mu     sync.Mutex
	world  *model
	chance chance
	trades []exchange.Trade
	tops   []exchange.Ticker // as they changed
	peers  map[*peer]bool
	opened int
	most   int
	user   []string // messages of the user stream, to send on connecting
	// Faults: withhold leaves messages out of the stream although it is alive; mute
	// sends no keep-alives; farewell is said in place of a snapshot;
	// down answers no question.
	withhold, mute, down bool
	farewell             string
	// holding keeps messages back, which release sends.
	holding bool
	kept    [][]byte
}

// peer is one connection.
type peer struct {
	conn *websocket.Conn
	out  chan []byte
	gone chan struct{}
	once sync.Once
	// user says that it is a user stream.
	user bool
}

func (p *peer) drop() { p.once.Do(func() { close(p.gone); _ = p.conn.Close() }) }

// newFake starts a fake; the caller must be in a bubble of synctest and call stop.
func newFake(t testing.TB, c chance) *fake {
	t.Helper()
	f := &fake{
		t: t, market: market(t), wire: newWire(), world: newModel(), chance: c, peers: map[*peer]bool{},
	}
	f.world.clock = func() int64 { return time.Now().UnixMilli() }
	server := &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: time.Minute}
	f.work.Go(func() { _ = server.Serve(f.wire) })
	return f
}

func (f *fake) stop() {
	f.dropAll()
	_ = f.wire.Close()
	f.work.Wait()
}

// serve is one connection of a stream.
func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	p := &peer{conn: conn, out: make(chan []byte, 1<<14), gone: make(chan struct{})}
	defer p.drop()
	var key map[string]string
	if err := conn.ReadJSON(&key); err != nil || r.Header.Get("Authorization") != "" {
		return
	}
	say := func(code, text string) {
		message, _ := json.Marshal(map[string]string{"error_code": code, "error": text})
		_ = conn.WriteMessage(websocket.TextMessage, message)
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	}
	f.mu.Lock()
	farewell := f.farewell
	switch {
	case key["api_key_id"] != keyID || key["api_key_secret"] != secret:
		farewell = "invalid_credentials"
	case r.URL.Path == "/api/1/userstream":
		p.user = true
		for _, m := range f.user {
			p.out <- []byte(m)
		}
	case r.URL.Path != "/api/1/stream/"+pair:
		farewell = "invalid_market"
	default:
		p.out <- f.world.snapshot()
	}
	f.peers[p] = true
	f.opened++
	f.most = max(f.most, len(f.peers))
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.peers, p)
		f.mu.Unlock()
	}()
	if farewell != "" {
		text := strings.TrimPrefix(r.URL.Path, "/api/1/stream/")
		if farewell == "invalid_credentials" {
			text = fmt.Sprintf("no: %v", key) // a server that repeats the key
		}
		say(farewell, text)
		return
	}
	f.work.Go(func() { f.write(p) })
	pong := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		if f.muted() {
			return nil
		}
		return pong(data)
	})
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (f *fake) muted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mute
}

// write sends messages and keep-alives, as Luno does.
func (f *fake) write(p *peer) {
	pings, empties := time.NewTicker(13500*time.Millisecond), time.NewTicker(20*time.Second)
	defer pings.Stop()
	defer empties.Stop()
	for {
		var err error
		select {
		case <-p.gone:
			return
		case m := <-p.out:
			err = p.conn.WriteMessage(websocket.TextMessage, m)
		case <-pings.C:
			if !f.muted() {
				err = p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		case <-empties.C:
			if !f.muted() {
				err = p.conn.WriteMessage(websocket.TextMessage, []byte(`""`))
			}
		}
		if err != nil {
			p.drop()
			return
		}
	}
}

// step lets something happen in the market.
func (f *fake) step() {
	f.mu.Lock()
	defer f.mu.Unlock()
	message, trades := f.world.step(f.chance)
	f.tell(message, trades)
}

// trade lets a taker trade.
func (f *fake) trade(buys bool, volume string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, trades := f.world.match(buys, decimal.RequireFromString(volume))
	f.tell(f.world.update(text, "null", "null", "null"), trades)
}

// tell sends a message to all and keeps what it tells.
func (f *fake) tell(message []byte, trades []modelTrade) {
	for _, x := range trades {
		t := exchange.Trade{Pair: pair, Sequence: x.sequence, Time: f.world.now, Taker: exchange.Sell}
		if x.takerBought {
			t.Taker = exchange.Buy
		}
		t.Price, _ = f.market.Ticks(x.price, exchange.Exact)
		t.Volume, _ = f.market.Steps(x.volume, exchange.Exact)
		f.trades = append(f.trades, t)
	}
	ticker := exchange.Ticker{Pair: pair, Time: f.world.now}
	for _, bid := range []bool{true, false} {
		if i := f.world.best(bid); i >= 0 {
			price, _ := f.market.Ticks(f.world.orders[i].Price, exchange.Exact)
			if bid {
				ticker.Bid = price
			} else {
				ticker.Ask = price
			}
		}
	}
	if n := len(f.trades); n > 0 {
		ticker.Last = f.trades[n-1].Price
	}
	f.tops = append(f.tops, ticker)
	switch {
	case f.withhold:
	case f.holding:
		f.kept = append(f.kept, message)
	default:
		f.send(message, false)
	}
}

// release sends what was kept back.
func (f *fake) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.kept {
		f.send(m, false)
	}
	f.holding, f.kept = false, nil
}

// send sends a message to all market streams or all user streams. The lock is
// held.
func (f *fake) send(message []byte, user bool) {
	for p := range f.peers {
		if p.user != user {
			continue
		}
		select {
		case p.out <- message:
		default:
			f.t.Error("a peer does not read")
		}
	}
}

// lose lets a message get lost on the way.
func (f *fake) lose() {
	f.set(func() { f.withhold = true })
	f.step()
	f.set(func() { f.withhold = false })
}

func (f *fake) set(what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what()
}

// dropAll cuts all connections.
func (f *fake) dropAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.peers {
		p.drop()
	}
}

func (f *fake) connections() (opened, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened, f.most
}

var errDown = errors.New("502: down")

// cached is the time that REST answers are of.
func (f *fake) cached() (int64, error) {
	if f.down {
		return 0, errDown
	}
	return time.Now().UnixMilli() - 1000, nil
}

func (f *fake) Market(_ context.Context, p string) (exchange.Market, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return exchange.Market{}, errDown
	}
	m := f.market
	m.Pair = p
	return m, nil
}

func (f *fake) Markets(ctx context.Context) ([]exchange.Market, error) {
	m, err := f.Market(ctx, pair)
	return []exchange.Market{m}, err
}

func (f *fake) Ticker(context.Context, string) (exchange.Ticker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.cached()
	if err != nil {
		return exchange.Ticker{}, err
	}
	last := exchange.Ticker{Pair: pair}
	for _, t := range f.tops {
		if t.Time <= at {
			last = t
		}
	}
	return last, nil
}

func (f *fake) OrderBook(context.Context, string, int) (exchange.OrderBook, error) {
	return exchange.OrderBook{}, errors.New("nobody asks for the book")
}

func (f *fake) Trades(_ context.Context, _ string, after int64, limit int) ([]exchange.Trade, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.cached()
	if err != nil {
		return nil, err
	}
	var out []exchange.Trade
	for _, t := range f.trades {
		if t.Sequence > after && t.Time <= at {
			out = append(out, t)
		}
	}
	return out[max(0, len(out)-limit):], nil
}

// Candles is the history: the closed minutes within which was a trade.
func (f *fake) Candles(_ context.Context, _ string, _ time.Duration, since time.Time, limit int) ([]exchange.Candle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, err := f.cached()
	if err != nil {
		return nil, err
	}
	var out []exchange.Candle
	for _, c := range f.candles() {
		if c.Time >= since.UnixMilli() && c.Time+minute <= at && len(out) < limit {
			out = append(out, c)
		}
	}
	return out, nil
}

// candles are those of all minutes with a trade. The lock is held.
func (f *fake) candles() (out []exchange.Candle) {
	for _, t := range f.trades {
		start := t.Time - t.Time%minute
		n := len(out) - 1
		if n < 0 || out[n].Time != start {
			out = append(out, exchange.Flat(start, t.Price))
			n++
		}
		c := &out[n]
		c.High, c.Low, c.Close, c.Volume = max(c.High, t.Price), min(c.Low, t.Price), t.Price, c.Volume+t.Volume
	}
	return out
}

// want is the candle of a minute as it must be told.
func (f *fake) want(start int64) exchange.Candle {
	f.mu.Lock()
	defer f.mu.Unlock()
	var last exchange.Candle
	for _, c := range f.candles() {
		switch {
		case c.Time == start:
			return c
		case c.Time < start:
			last = c
		}
	}
	return exchange.Flat(start, last.Close)
}

func (f *fake) tape() []exchange.Trade {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.trades)
}

// dialer dials the fake.
func (f *fake) dialer(change ...func(*lunostream.DialerConfig)) *lunostream.Dialer {
	cfg := lunostream.DialerConfig{BaseURL: "ws://127.0.0.1:1", KeyID: keyID, Secret: luno.Secret(secret), NetDial: f.wire.dial}
	for _, c := range change {
		c(&cfg)
	}
	d, err := lunostream.NewDialer(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// secretless fails if a text has the secret.
func secretless(t testing.TB, text string) {
	t.Helper()
	if strings.Contains(text, secret) {
		t.Errorf("the secret is written: %s", text)
	}
}
