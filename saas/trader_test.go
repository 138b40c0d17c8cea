package saas_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange"
	"github.com/lunobot/lunobot/exchange/luno"
	"github.com/lunobot/lunobot/exchange/luno/lunostream"
	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/execution"
	"github.com/lunobot/lunobot/saas/journal"
	"github.com/lunobot/lunobot/saas/lease"
	"github.com/lunobot/lunobot/saas/saasdb"
)

// traderEnv holds the task of a process of this test binary that trades.
const traderEnv = "LUNOBOT_TEST_TRADER"

// traderTask is what a trading process is to do: everything that a worker does with
// live orders, under leases, for bots that order as fast as they can.
type traderTask struct {
	Database string
	// Rest, Stream, KeyID and Secret are how the exchange is reached.
	Rest, Stream, KeyID, Secret string
	// Holder names the worker, and Lease is how long its leases last.
	Holder string
	Lease  time.Duration
	Bots   []string
	// Life tells one process from another in what its bots do.
	Life uint64
	// Hasty breaks rule T1: an intent is written with what follows.
	Hasty bool
	// Settle ends it all: open orders are taken back, and the process ends once
	// journal and venue agree. Of a hasty worker they never do: it does not wait.
	Settle bool
}

const (
	livePair, liveTenant, liveAccount, liveInstallation = "XBTMYR", "t", "acc", "here"
	// liveCounter and liveBase are what each bot begins with, in units and steps.
	liveCounter, liveBase = 300_000 * 1_000_000, 10 * 1_000_000
	// livePrice is what the market is traded around.
	livePrice = 400_000
)

// liveMarket is the simulated Luno's.
func liveMarket() exchange.Market {
	for _, m := range lunosim.Markets() {
		if m.Pair == livePair {
			return m.Market
		}
	}
	panic("the simulated Luno has no " + livePair)
}

// client returns a client of the simulated Luno that is not held up.
func (k traderTask) client() (*luno.Client, error) {
	budget, err := luno.NewBudget(luno.BudgetConfig{PerMinute: 600_000, Burst: 1000})
	if err != nil {
		return nil, err
	}
	return luno.New(luno.Config{BaseURL: k.Rest, Budget: budget, KeyID: k.KeyID, Secret: luno.Secret(k.Secret), Markets: []exchange.Market{liveMarket()}})
}

// start starts a process of this test binary that does the task, and tells when it has
// placed its first order. It is killed when the test ends, if not before.
func (k traderTask) start(t *testing.T) (cmd *exec.Cmd, trades <-chan struct{}) {
	t.Helper()
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), traderEnv+"="+string(raw))
	cmd.Stderr = os.Stderr
	out, write, err := os.Pipe()
	if err == nil {
		cmd.Stdout = write
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	t.Cleanup(func() { kill9(cmd) })
	told := make(chan struct{})
	go func() {
		defer out.Close() //nolint:errcheck // it was read
		if n, _ := out.Read(make([]byte, 1)); n == 1 {
			close(told)
		}
		_, _ = io.Copy(io.Discard, out) // who writes to nobody is killed
	}()
	return cmd, told
}

// kill9 ends a process with SIGKILL, if it is at work.
func kill9(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	}
}

// runTrader is the main of a trading process.
func runTrader() int {
	var k traderTask
	err := json.Unmarshal([]byte(os.Getenv(traderEnv)), &k)
	if err == nil {
		err = k.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the trader of the test:", err)
		return 1
	}
	return 0
}

func (k traderTask) run(ctx context.Context) error {
	d, err := db.Open(ctx, db.Config{URL: k.Database})
	if err != nil {
		return err
	}
	store := saasdb.New(d)
	keeper, err := lease.NewKeeper(lease.KeeperConfig{Holder: k.Holder, Now: time.Now, RenewEvery: k.Lease / 5, Store: store, TTL: k.Lease})
	if err != nil {
		return err
	}
	if err := keeper.Start(ctx); err != nil {
		return err
	}
	go keeper.Run(ctx, func([]lease.Lease) {}) //nolint:errcheck // it ends with the process; who has lost a lease is told by the journal
	client, err := k.client()
	if err != nil {
		return err
	}
	group, err := journal.NewGroup(journal.GroupConfig{Store: store})
	if err != nil {
		return err
	}
	leases := k.acquire(ctx, keeper)
	var bots sync.WaitGroup
	failed := make(chan error, len(leases))
	var heard []*execution.Executor
	for i, l := range leases {
		commit := group.Commit
		if k.Hasty {
			commit = tardy(commit)
		}
		e, err := execution.Open(ctx, execution.Config{
			Account: liveAccount, BotID: l.ID, TenantID: l.TenantID, CheckEvery: 500 * time.Millisecond, Commit: commit, Epoch: l.Epoch, Installation: liveInstallation,
			Given: map[string]execution.Given{livePair: {Base: liveBase, Counter: liveCounter}}, Left: func() time.Duration { return keeper.Left(l) },
			Margin: 300 * time.Millisecond, Markets: []exchange.Market{liveMarket()}, Now: time.Now, Store: store, TTL: 2 * time.Second, Trader: client.For(l.ID),
		})
		if err != nil {
			return err
		}
		heard = append(heard, e)
		bots.Go(func() {
			b := liveBot{Executor: e, store: store, id: l.ID, rng: rand.New(rand.NewPCG(k.Life, uint64(i)))}
			if k.Settle {
				patience := 90 * time.Second
				if k.Hasty {
					patience = time.Second
				}
				failed <- b.settle(ctx, patience)
				return
			}
			go e.Run(ctx) //nolint:errcheck // it ends with the process
			b.trade(ctx)
		})
	}
	if !k.Hasty { // else the stream tells of an order before its answer is here
		if err := k.listen(ctx, client, heard); err != nil {
			return err
		}
	}
	bots.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// acquire waits until all bots are this worker's. A database that does not answer in
// time, because who is frozen holds it up, is asked again, as a worker does.
func (k traderTask) acquire(ctx context.Context, keeper *lease.Keeper) []lease.Lease {
	var wanted []lease.Resource
	for _, id := range k.Bots {
		wanted = append(wanted, lease.Resource{Kind: lease.Bots, TenantID: liveTenant, ID: id})
	}
	for {
		_, _ = keeper.Acquire(ctx, wanted, len(wanted))
		if got := keeper.Held(); len(got) == len(wanted) {
			return got
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// listen hands what the account's stream tells to the bots, until the process ends.
func (k traderTask) listen(ctx context.Context, client *luno.Client, bots []*execution.Executor) error {
	dialer, err := lunostream.NewDialer(lunostream.DialerConfig{BaseURL: k.Stream, KeyID: k.KeyID, Secret: luno.Secret(k.Secret)})
	if err != nil {
		return err
	}
	stream, err := lunostream.NewAccount(lunostream.AccountConfig{BackoffMin: 50 * time.Millisecond, Dialer: dialer, Markets: client})
	if err != nil {
		return err
	}
	go stream.Keep(ctx, func(ev exchange.AccountEvent) { //nolint:errcheck // it ends with the process
		for _, e := range bots {
			_ = e.Hear(ctx, ev) // what it could not read is read by the next reconciliation
		}
	})
	return nil
}

// tardy breaks the rule that the intent comes first: it says that an intent is written
// and writes it with what follows of the same order.
func tardy(commit func(context.Context, journal.LiveEntry) error) func(context.Context, journal.LiveEntry) error {
	var mu sync.Mutex
	held := map[string]journal.LiveEntry{}
	return func(ctx context.Context, e journal.LiveEntry) error {
		mu.Lock()
		defer mu.Unlock()
		if len(e.Orders) == 1 && e.Orders[0].State == journal.Submitted {
			held[e.Orders[0].ClientID] = e
			return nil
		}
		for _, o := range e.Orders {
			if h, ok := held[o.ClientID]; ok {
				if err := commit(ctx, h); err != nil {
					return err
				}
				delete(held, o.ClientID)
			}
		}
		return commit(ctx, e)
	}
}

// liveBot orders as fast as it can.
type liveBot struct {
	*execution.Executor
	store *saasdb.Store
	id    string
	rng   *rand.Rand
}

// trade gives one command after the other until its lease is lost; it goes on from
// the journal's last one. Errors of the database and of a venue that cannot be reached
// are lived with.
func (b liveBot) trade(ctx context.Context) {
	number := int64(1)
	for {
		if state, err := b.store.LiveState(ctx, liveTenant, b.id); err == nil {
			number = state.LastNumber + 1
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for first := true; !b.Lost(); {
		if open := b.Orders(); len(open) > 0 && b.rng.IntN(4) == 0 || len(open) > 12 {
			_, _ = b.Cancel(ctx, open[b.rng.IntN(len(open))].Number, "no more")
		}
		if _, err := b.Place(ctx, b.command(number)); err == nil {
			if first {
				first = false
				fmt.Fprintln(os.Stdout, "trading")
			}
			number++
		}
		time.Sleep(time.Duration(b.rng.IntN(8)) * time.Millisecond)
	}
}

// command is the bot's command of a number.
func (b liveBot) command(number int64) execution.Intent {
	rng := rand.New(rand.NewPCG(uint64(number), 2))
	r := exchange.OrderRequest{
		Pair: livePair, Side: exchange.Buy, Type: exchange.LimitOrder, Price: exchange.Ticks(livePrice * (990 + rng.Int64N(21)) / 1000), Volume: exchange.Steps(1_000 + rng.Int64N(20_000)),
	}
	if rng.IntN(2) == 0 {
		r.Side = exchange.Sell
	}
	switch rng.IntN(6) {
	case 0:
		r.TimeInForce = exchange.IOC
	case 1:
		r.Type, r.Price = exchange.MarketOrder, 0
		if r.Side == exchange.Buy {
			r.Volume, r.Value = 0, exchange.Units(500+rng.Int64N(5_000))*1_000_000
		}
	case 2:
		r.PostOnly = true
	}
	return execution.Intent{Number: number, Reason: "the test wants it", Request: r}
}

// settle takes back what is open and waits, so long, until journal and venue agree.
func (b liveBot) settle(ctx context.Context, patience time.Duration) error {
	var c journal.Check
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if c, err = b.Check(ctx); err != nil {
			continue // it is asked again
		}
		open := b.Orders()
		if c.Agrees() && c.Unsettled == 0 && len(open) == 0 {
			return nil
		}
		for _, o := range open {
			_, _ = b.Cancel(ctx, o.Number, "the end") // the next look tells
		}
	}
	return fmt.Errorf("journal and venue of bot %s do not come to agree: %+v, open %+v, %w", b.id, c, b.Orders(), err)
}

// crowd keeps a market moving: an account beside the bots' that quotes and takes,
// until ctx ends.
func crowd(ctx context.Context, client *luno.Client, seed uint64, log *slog.Logger) {
	rng := rand.New(rand.NewPCG(seed, 3))
	var resting []string
	for n := 0; ctx.Err() == nil; n++ {
		r := exchange.OrderRequest{
			ClientID: fmt.Sprintf("crowd-%d-%d", seed, n), Pair: livePair, Side: exchange.Buy, Type: exchange.LimitOrder,
			Price: exchange.Ticks(livePrice * (990 + rng.Int64N(21)) / 1000), Volume: exchange.Steps(1_000 + rng.Int64N(30_000)),
		}
		if rng.IntN(2) == 0 {
			r.Side = exchange.Sell
		}
		o, err := client.Place(ctx, r)
		if err == nil {
			resting = append(resting, o.ID)
		} else if ctx.Err() == nil {
			log.Debug("the crowd's order", "error", err)
		}
		if len(resting) > 30 {
			_ = client.Cancel(ctx, livePair, resting[0]) // filled meanwhile, mostly
			resting = resting[1:]
		}
		time.Sleep(5 * time.Millisecond)
	}
}
