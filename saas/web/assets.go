package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"hash"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/lunobot/lunobot/strategy/backtest/backtestreport"
)

//go:embed assets
var assetFiles embed.FS

const (
	assetsPrefix = "/assets/"
	forever      = "public, max-age=31536000, immutable"
)

// assets serves the embedded files under a path that holds the hash of them
// all: modules can name each other by relative paths, and a browser never sees
// files of two versions mixed.
type assets struct {
	hash  string
	files map[string]asset
}

type asset struct {
	body, zipped []byte
	kind         string
}

func newAssets() (*assets, error) {
	a := &assets{files: map[string]asset{}}
	sum := sha256.New()
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		return a.add(sum, strings.TrimPrefix(name, "assets/"), body)
	})
	if err != nil {
		return nil, err
	}
	// What draws the reports of backtests belongs to them.
	for _, f := range []struct{ name, text string }{{"css/report.css", backtestreport.Style()}, {"js/report.js", backtestreport.Script()}} {
		if err := a.add(sum, f.name, []byte(f.text)); err != nil {
			return nil, err
		}
	}
	a.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, nil
}

// add takes a file in, and into the sum of all.
func (a *assets) add(sum hash.Hash, name string, body []byte) (err error) {
	sum.Write([]byte(name))
	sum.Write(body)
	f := asset{body: body, kind: kindOf(name)}
	if f.zipped, err = zip(body); err != nil {
		return err
	}
	a.files[name] = f
	return nil
}

// kindOf returns a file's media type; licences are plain text.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case "":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// url returns the path under which a file is served.
func (a *assets) url(name string) string { return assetsPrefix + a.hash + "/" + name }

// ServeHTTP implements http.Handler. A path with another version's hash is
// answered with the present file, uncached, for pages that were loaded before
// an update.
func (a *assets) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, assetsPrefix), "/")
	f, ok := a.files[name]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	cache := forever
	if hash != a.hash {
		cache = "no-cache"
	}
	send(rw, r, http.StatusOK, f.kind, cache, f.body, f.zipped)
}

// zipFrom is the size from which compressing is worth it.
const zipFrom = 1400

// send answers with a body, compressed if the browser takes it. zipped may be
// nil.
func send(rw http.ResponseWriter, r *http.Request, status int, kind, cache string, body, zipped []byte) {
	h := rw.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= zipFrom && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if zipped == nil {
			if z, err := zip(body); err == nil {
				zipped = z
			}
		}
		if zipped != nil {
			h.Set("Content-Encoding", "gzip")
			body = zipped
		}
	}
	rw.WriteHeader(status)
	_, _ = rw.Write(body) // the browser has gone: nobody is left to be told
}

func zip(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
