package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/lunobot/lunobot/exchange"
)

const (
	manifestName = "manifest.json"
	// shape is the version of the files' shape.
	shape = 1
	// maxOrigins bounds how many origins a series remembers.
	maxOrigins = 16
	// temporary begins the names of files that are being written.
	temporary = ".new-"
)

// segmentName is what a segment's file may be called: a manifest cannot lead to
// a file elsewhere.
var segmentName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}-[0-9a-f]{16}\.parquet$`)

// manifest is what there is of a series.
type manifest struct {
	Format int             `json:"format"`
	Market exchange.Market `json:"market"`
	// Interval is the length of a candle, Phase the first opening time at or
	// after 1970, both in milliseconds.
	Interval int64 `json:"interval_ms"`
	Phase    int64 `json:"phase_ms"`
	// Origins say in words where the candles are from, the newest last.
	Origins  []string  `json:"origins"`
	Segments []segment `json:"segments"`
}

// segment is one file. Times are in epoch milliseconds.
type segment struct {
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Candles int64  `json:"candles"`
	// Holes counts the holes inside the segment and Longest is the most
	// intervals that one of them lacks.
	Holes   int64 `json:"holes,omitempty"`
	Longest int64 `json:"longest_hole,omitempty"`
}

// Info is what there is of a series.
type Info struct {
	Key    Key
	Market exchange.Market
	// First is when the first candle opens and End when the last one closes.
	First, End time.Time
	// Candles is how many there are, Missing how many are not there between
	// them, in Holes runs of which the longest lacks Longest.
	Candles, Missing, Holes, Longest int64
	// Files and Bytes are what it takes on disk.
	Files int
	Bytes int64
	// Origins say in words where the candles are from, the newest last.
	Origins []string
	// Sum is the SHA-256 over the sums of the files: equal for equal candles of
	// equal markets.
	Sum string
}

// document is the manifest's file: the sum is over the bytes of the series.
type document struct {
	SHA256 string          `json:"sha256"`
	Series json.RawMessage `json:"series"`
}

func readManifest(path string) (*manifest, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the archive's own file
	if err != nil {
		return nil, fmt.Errorf("archive: reading a manifest: %w", err)
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, &DamageError{Path: path, Reason: "it is not JSON"}
	}
	if sum := sha256.Sum256(d.Series); hex.EncodeToString(sum[:]) != d.SHA256 {
		return nil, &DamageError{Path: path, Reason: "its SHA-256 is not the one that it names"}
	}
	var m manifest
	if err := json.Unmarshal(d.Series, &m); err != nil {
		return nil, &DamageError{Path: path, Reason: "it describes no series"}
	}
	if m.Format != shape {
		return nil, fmt.Errorf("archive: %s has format %d and this program reads %d: use a newer one", path, m.Format, shape)
	}
	if err := m.check(); err != nil {
		return nil, &DamageError{Path: path, Reason: err.Error()}
	}
	return &m, nil
}

// check reports what no writer would have written.
func (m *manifest) check() error {
	if err := m.Market.Validate(); err != nil {
		return err
	}
	if m.Interval < 1000 || m.Phase < 0 || m.Phase >= m.Interval || len(m.Segments) == 0 {
		return errors.New("its interval or its list of files is wrong")
	}
	window := int64(-1)
	for _, s := range m.Segments {
		w := m.window(s.First)
		if !segmentName.MatchString(s.File) || s.First > s.Last || w <= window || m.window(s.Last) != w || s.Candles < 1 || s.Candles > windowCandles {
			return fmt.Errorf("its entry of %q is wrong", s.File)
		}
		window = w
	}
	return nil
}

// write puts the manifest in the place of the old one, in one step.
func (m *manifest) write(folder string) error {
	series, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("archive: writing a manifest: %w", err)
	}
	sum := sha256.Sum256(series)
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"sha256\": %q,\n\"series\": %s}", hex.EncodeToString(sum[:]), series)
	return writeFile(folder, manifestName, b.Bytes())
}

// window returns the number of the window that a candle's opening time lies in.
func (m *manifest) window(ms int64) int64 { return (ms - m.Phase) / (m.Interval * windowCandles) }

func (m *manifest) clone() *manifest {
	c := *m
	c.Origins, c.Segments = slices.Clone(m.Origins), slices.Clone(m.Segments)
	return &c
}

// addOrigin notes an origin as the newest.
func (m *manifest) addOrigin(origin string) {
	if origin == "" {
		return
	}
	m.Origins = append(slices.DeleteFunc(m.Origins, func(o string) bool { return o == origin }), origin)
	m.Origins = m.Origins[max(0, len(m.Origins)-maxOrigins):]
}

func (m *manifest) info(k Key) Info {
	first, last := m.Segments[0], m.Segments[len(m.Segments)-1]
	i := Info{
		Key: k, Market: m.Market, First: time.UnixMilli(first.First).UTC(), End: time.UnixMilli(last.Last + m.Interval).UTC(),
		Files: len(m.Segments), Origins: m.Origins,
	}
	sum := sha256.New()
	for n, s := range m.Segments {
		i.Candles += s.Candles
		i.Holes += s.Holes
		i.Longest = max(i.Longest, s.Longest)
		i.Bytes += s.Bytes
		if n > 0 {
			if gap := (s.First-m.Segments[n-1].Last)/m.Interval - 1; gap > 0 {
				i.Holes++
				i.Longest = max(i.Longest, gap)
			}
		}
		sum.Write([]byte(s.SHA256))
	}
	i.Missing = (last.Last-first.First)/m.Interval + 1 - i.Candles
	i.Sum = hex.EncodeToString(sum.Sum(nil))
	return i
}

// writeFile writes a file so that it is there wholly or not at all, also after a
// power cut.
func writeFile(folder, name string, content []byte) error {
	f, err := os.CreateTemp(folder, temporary+"*")
	if err != nil {
		return fmt.Errorf("archive: writing %s: %w", name, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("archive: writing %s: %w", name, err)
	}
	return syncFolder(folder)
}

// syncFolder makes a rename durable. Windows has no such call and needs none.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder) //nolint:gosec // the archive's own folder
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	err = errors.Join(f.Sync(), f.Close())
	if err != nil && !errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}
