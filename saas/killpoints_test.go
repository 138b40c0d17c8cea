package saas_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lunobot/lunobot/exchange/lunosim"
	"github.com/lunobot/lunobot/saas"
	"github.com/lunobot/lunobot/saas/bot"
	"github.com/lunobot/lunobot/saas/db"
	"github.com/lunobot/lunobot/saas/db/dbtest"
	"github.com/lunobot/lunobot/saas/saasdb"
)

//nolint:gochecknoglobals // flags of the test binary
var (
	points   = flag.Int("points", 12, "how often TestKillPoints kills the worker, half of it on each database")
	killSeed = flag.Uint64("kill-seed", 0, "seed of TestKillPoints; 0 takes a new one")
)

// simProcess is a simulated Luno in a process of its own.
type simProcess struct {
	Rest   string        `json:"rest"`
	Stream string        `json:"stream"`
	Keys   []lunosim.Key `json:"keys"`
}

// killed is the account, in the simulated Luno, of the workers that are killed.
const killed = "trader-1"

// startSim starts "lunobot sim" with three accounts and nobody else in its markets,
// until the test ends.
func startSim(t *testing.T) simProcess {
	t.Helper()
	return simOf(t, "--accounts", "3", "--traders", "none", "--rate-limit", "0", "--markets", livePair)
}

// simOf starts "lunobot sim" with flags, until the test ends.
func simOf(t *testing.T, flags ...string) simProcess {
	t.Helper()
	cmd := exec.Command(shared.build(t, "../hosts/lunobot"), append([]string{"sim"}, flags...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill9(cmd) })
	var s simProcess
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&s); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the process
	return s
}

// key returns an account's key that may trade.
func (s simProcess) key(account int) lunosim.Key {
	for _, k := range s.Keys {
		if k.Permissions == lunosim.TradeOnly {
			if account--; account == 0 {
				return k
			}
		}
	}
	panic("the simulated Luno has no such key")
}

// crowded lets the second account keep the market moving, until still is called or the
// test ends.
func (s simProcess) crowded(t *testing.T, seed uint64) (still func()) {
	t.Helper()
	stranger, err := traderTask{Rest: s.Rest, KeyID: s.key(2).ID, Secret: s.key(2).Secret}.client()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var moving sync.WaitGroup
	moving.Go(func() { crowd(ctx, stranger, seed, slog.New(slog.DiscardHandler)) })
	still = func() {
		stop()
		moving.Wait()
	}
	t.Cleanup(still)
	return still
}

// call steers the simulator.
func (s simProcess) call(t *testing.T, method string, body, out any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.Rest+"/sim/faults", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	raw, err = io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s faults: %d %s %v", method, res.StatusCode, raw, err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
	}
}

// misbehave replaces the faults at work by a random choice, so many times as likely to
// strike as where orders come fast, and returns how often those before have struck.
func (s simProcess) misbehave(t *testing.T, rng *rand.Rand, likely float64) int {
	t.Helper()
	struck := s.calm(t)
	const orders = "/api/1/"
	all := []lunosim.Fault{
		{Kind: lunosim.HangAfter, Path: orders, Chance: 0.05, Delay: 200 + rng.Int64N(1500)},
		{Kind: lunosim.HangBefore, Path: orders, Chance: 0.05, Delay: 200 + rng.Int64N(1500)},
		{Kind: lunosim.BadGatewayBefore, Chance: 0.02}, {Kind: lunosim.BadGatewayAfter, Path: orders, Chance: 0.05},
		{Kind: lunosim.ResetBefore, Chance: 0.02}, {Kind: lunosim.ResetAfter, Path: orders, Chance: 0.05},
		{Kind: lunosim.GarbageAfter, Chance: 0.02}, {Kind: lunosim.EmptyAfter, Path: orders + "postorder", Chance: 0.05},
		{Kind: lunosim.TooManyRequests, Path: orders + "postorder", Chance: 0.002}, {Kind: lunosim.FillBeforeStop, Chance: 0.2},
		{Kind: lunosim.LateFills, Delay: 300 + rng.Int64N(3000)}, {Kind: lunosim.ClockSkew, Delay: rng.Int64N(200) - 100},
		{Kind: lunosim.StreamDuplicate, Chance: 0.05}, {Kind: lunosim.StreamGap, Chance: 0.02}, {Kind: lunosim.StreamReorder, Chance: 0.05},
		{Kind: lunosim.StreamReset, Chance: 0.02}, {Kind: lunosim.StreamGarbage, Chance: 0.02}, {Kind: lunosim.StreamLate, Chance: 0.2, Delay: 300},
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	chosen := all[:6]
	for i := range chosen {
		if chosen[i].Kind != lunosim.ClockSkew {
			chosen[i].Account = killed
		}
		chosen[i].Chance = min(0.5, chosen[i].Chance*likely)
	}
	s.call(t, http.MethodPost, chosen, nil)
	return struck
}

// calm ends all faults and returns how often they have struck.
func (s simProcess) calm(t *testing.T) int {
	t.Helper()
	struck := s.struck(t)
	s.call(t, http.MethodDelete, nil, nil)
	return struck
}

// struck is how often the faults at work have struck, without those that only last.
func (s simProcess) struck(t *testing.T) (struck int) {
	t.Helper()
	var at struct {
		Faults []lunosim.Fault `json:"faults"`
	}
	s.call(t, http.MethodGet, nil, &at)
	for _, f := range at.Faults {
		if f.Kind != lunosim.LateFills && f.Kind != lunosim.ClockSkew {
			struck += f.Struck
		}
	}
	return struck
}

// killRun is one run of kills on a database.
type killRun struct {
	task  traderTask
	sim   simProcess
	store *saasdb.Store
	rng   *rand.Rand
	tally liveTally
}

func newKillRun(t *testing.T, url string, seed uint64) *killRun {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context(), saas.Migrations()...); err != nil {
		t.Fatal(err)
	}
	r := &killRun{sim: startSim(t), store: saasdb.New(d), rng: rand.New(rand.NewPCG(seed, 4))}
	k := r.sim.key(1)
	r.task = traderTask{Database: url, Rest: r.sim.Rest, Stream: r.sim.Stream, KeyID: k.ID, Secret: k.Secret, Holder: "worker", Lease: 10 * time.Second}
	r.task.Bots = liveBots(t, d, 2)
	return r
}

// liveBots puts bots into a database and returns their ids.
func liveBots(t *testing.T, d *db.DB, n int) (ids []string) {
	t.Helper()
	for range n {
		id, now := uuid.Must(uuid.NewV7()).String(), time.Now()
		err := d.SystemTx(t.Context(), "seeding", func(ctx context.Context) error {
			return saasdb.New(d).InsertBot(ctx, liveTenant, bot.Config{ID: id, BotID: id, CreatedAt: now, UpdatedAt: now}, bot.Bot{ID: id, ConfigID: id, CreatedAt: now, UpdatedAt: now})
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// all kills one worker after another while its bots trade among faults, lets all come
// to rest, and compares.
func (r *killRun) all(t *testing.T, kills int) *liveTally {
	t.Helper()
	client, err := r.task.client()
	if err != nil {
		t.Fatal(err)
	}
	books := liveBooks{tenant: liveTenant, account: liveAccount, client: client, store: r.store, bots: r.task.Bots, market: liveMarket()}
	if books.before, err = holdings(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	still := r.sim.crowded(t, r.rng.Uint64())
	for range kills {
		r.life(t)
		r.tally.kills++
	}
	r.tally.faults += r.sim.calm(t)
	last := r.task
	last.Settle, last.Life = true, r.task.Life+1
	if worker, _ := last.start(t); worker.Wait() != nil {
		r.tally.tell("the last worker ended with %s", worker.ProcessState)
	}
	still()
	books.compare(t, &r.tally)
	return &r.tally
}

// life lets a worker trade among faults and kills it.
func (r *killRun) life(t *testing.T) {
	t.Helper()
	if r.task.Life++; r.task.Hasty {
		r.hastyLife(t)
		return
	}
	r.tally.faults += r.sim.misbehave(t, r.rng, 1)
	worker, trades := r.task.start(t)
	if r.rng.IntN(4) > 0 { // else it may not have come to trading
		select {
		case <-trades:
		case <-time.After(15 * time.Second):
		}
	}
	time.Sleep(time.Duration(r.rng.Int64N(int64(800 * time.Millisecond)))) // the moment of the kill is the test
	kill9(worker)
}

// hastyLife kills a worker while it waits for the answers to orders that the exchange
// has taken: two at least, for one may be such as it does not take.
func (r *killRun) hastyLife(t *testing.T) {
	t.Helper()
	r.sim.call(t, http.MethodPost, []lunosim.Fault{{Kind: lunosim.HangAfter, Path: "/api/1/postorder", Chance: 0.5, Delay: 10_000, Account: killed}}, nil)
	worker, _ := r.task.start(t)
	waitFor(t, "orders on their way", func() bool { return r.sim.struck(t) > 1 })
	kill9(worker)
	r.tally.faults += r.sim.calm(t)
}

// proves T1, T2, T3, T4, T5 and T7 with real processes: a worker whose bots trade is
// killed with kill -9 at random moments, again and again, while the exchange, another
// process, hangs, resets, answers garbage, and tells late, twice and in disorder.
// Afterwards the exchange's books and the journal agree: no order lost, none doubled,
// none orphaned, every fill booked once, positions equal to the last digit.
//
// -points says how often it is killed, half of it on each database, and -kill-seed
// repeats what a run has chosen.
func TestKillPoints(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	dbtest.EachURL(t, func(t *testing.T, url string) {
		tally := newKillRun(t, url, seed).all(t, (*points+1)/2)
		t.Logf("%s; seed %d", tally, seed)
		if !tally.whole() {
			t.Errorf("%q; go test ./saas -run TestKillPoints -points %d -kill-seed %d", tally.wrong, *points, seed)
		}
		if tally.orders < 2*tally.kills || tally.fills < tally.kills || tally.faults < tally.kills {
			t.Errorf("the run shows little: %s", tally)
		}
	})
}

// The test of the test: of a worker that writes an intent only with what follows, the
// same kills leave orders that nobody knows of, and doubled ones.
func TestKillPointsNoticesHaste(t *testing.T) {
	t.Parallel()
	r := newKillRun(t, dbtest.SQLiteURL(t), 1)
	r.task.Hasty = true
	tally := r.all(t, 1)
	t.Log(tally)
	if tally.orphan == 0 || tally.whole() {
		t.Errorf("with intents written late the run shows %s", tally)
	}
}
