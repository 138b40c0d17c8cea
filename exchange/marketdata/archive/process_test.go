package archive_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunobot/lunobot/exchange/marketdata/archive"
)

// writerVariable tells a process of this test binary to be a writer.
const writerVariable = "ARCHIVE_TEST_WRITER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(writerVariable); folder != "" {
		if err := writeOn(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const (
	// whole is how many candles the writer writes, piece how many it commits at
	// a time.
	whole = 60_000
	piece = 700
)

// writeOn writes what is missing of the series, piece by piece, and says so.
func writeOn(folder string) (err error) {
	ctx := context.Background()
	a, err := archive.Open(archive.Config{Folder: folder})
	if err != nil {
		return err
	}
	w, err := a.Writer(ctx, archive.WriterConfig{Market: market(), Interval: time.Minute})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	candles := walk(11, begin(), whole)
	if last := w.Last(); !last.IsZero() {
		candles = candles[last.Sub(begin())/time.Minute+1:]
	}
	for p := range slices.Chunk(candles, piece) {
		if err := errors.Join(w.Add(ctx, p), w.Commit(ctx)); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, int64(w.Last().Sub(begin())/time.Minute)+1)
	}
	return nil
}

// writer starts a process that writes.
func writer(t *testing.T, a *archive.Archive) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+a.Folder())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// A writer that is killed at any moment loses nothing that it had committed and
// damages nothing; the next one goes on from there. Readers in another process
// see whole commits all the while.
func TestKill(t *testing.T) {
	t.Parallel()
	a := open(t)
	want := walk(11, begin(), whole)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)) // any moment will do
	kills, reads := 0, 0
	for done := 0; done < whole; {
		cmd, out := writer(t, a)
		fatal := time.AfterFunc(time.Duration(50+r.IntN(400))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		committed := done
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
			if err != nil {
				t.Fatal(err)
			}
			committed = n
			if committed/piece%5 == 0 {
				got := read(t, a, archive.Query{Key: key()})
				if reads++; len(got) < committed || !slices.Equal(got, want[:len(got)]) {
					t.Fatalf("%d candles are read while %d are committed", len(got), committed)
				}
			}
		}
		err := cmd.Wait()
		fatal.Stop()
		if err != nil {
			kills++
		}
		if committed == 0 {
			continue // killed before the first commit
		}
		got := read(t, a, archive.Query{Key: key()})
		if len(got) < committed || len(got) > committed+piece || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("after kill %d: %d candles and %d were committed", kills, len(got), committed)
		}
		done = len(got)
	}
	if kills == 0 || reads == 0 {
		t.Errorf("%d kills and %d reads prove nothing", kills, reads)
	}
	t.Logf("%d kills, %d readings in between", kills, reads)
	// The next writer removes what the others left, the last of which may have been
	// killed too.
	w, err := a.Writer(t.Context(), archive.WriterConfig{Market: market(), Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(a.Folder(), "XBTMYR", "1m", ".new-*"))
	files, errFiles := filepath.Glob(filepath.Join(a.Folder(), "XBTMYR", "1m", "*.parquet"))
	if err != nil || errFiles != nil || len(left) > 0 || len(files) != info(t, a).Files {
		t.Errorf("left behind: %v, files %v, %v", left, files, errors.Join(err, errFiles))
	}
}

// One process writes at a time, and a reader's series stays as it was.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	a := open(t)
	candles := walk(12, begin(), 20_000)
	w, err := a.Writer(t.Context(), archive.WriterConfig{Market: market(), Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var busy *archive.BusyError
	if _, err := a.Writer(t.Context(), archive.WriterConfig{Market: market(), Interval: time.Minute}); !errors.As(err, &busy) || busy.Doing != "written" {
		t.Errorf("a second writer: %v", err)
	}
	if err := errors.Join(w.Add(t.Context(), candles[:10_000]), w.Commit(t.Context())); err != nil {
		t.Fatal(err)
	}
	r, err := a.Read(t.Context(), archive.Query{Key: key()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add(t.Context(), candles[10_000:]), w.Commit(t.Context()), w.Close()); err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		block, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n += len(block)
	}
	if n != 10_000 {
		t.Errorf("the reader sees %d candles", n)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, a, archive.Query{Key: key()}); !slices.Equal(got, candles) {
		t.Error("the next reader sees other candles")
	}
}
