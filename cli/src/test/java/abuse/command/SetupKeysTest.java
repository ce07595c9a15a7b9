// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import abuse.device.Config;
import abuse.device.Flag;
import abuse.device.Hints;
import abuse.device.Status;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SetupKeysTest {
    private static final Config DEFAULTS = new Config(16 << 20, 4096, 0, 128, 1, 0, 0, 0, 60_000, Hints.NONE,
            Set.of(Flag.WRITE_CACHE), false);

    private static Config config(String... words) throws UsageException {
        return new SetupKeys(List.of(words)).config(null);
    }

    private static String refusal(String... words) {
        return assertThrows(UsageException.class, () -> config(words), Arrays.toString(words)).getMessage();
    }

    @Test
    void nothing_means_the_defaults() throws UsageException {
        assertEquals(DEFAULTS, config());
        assertEquals(DEFAULTS, config(""));
        assertEquals(DEFAULTS, config("rw"));
        assertEquals(DEFAULTS, config("sz=16M,bs=4096,qs=128,nq=1,timeout=0,unserved=60,orphan=0,wc,discard=off,wz=off,rw"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sz", "size"})
    void size(String key) throws UsageException {
        assertEquals(3L << 40, config(key + "=3T").capacity());
        assertEquals(4096, config(key + "=4096").capacity());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bs", "blocksize"})
    void block_size(String key) throws UsageException {
        for (int size = 512; size <= 65536; size *= 2) {
            assertEquals(size, config(key + "=" + size).blockSize());
        }
        assertEquals(2048, config(key + "=2k").blockSize());
    }

    @ParameterizedTest
    @ValueSource(strings = {"pbs", "physicalblocksize"})
    void physical_block_size(String key) throws UsageException {
        assertEquals(4096, config("bs=512", key + "=4K").physicalBlockSize());
        assertEquals(1 << 20, config(key + "=1M").physicalBlockSize());
        assertEquals(4096, config(key + "=4096").physicalBlockSize());
    }

    @ParameterizedTest
    @ValueSource(strings = {"qs", "queuesize", "queusize"})
    void queue_depth(String key) throws UsageException {
        assertEquals(1, config(key + "=1").queueDepth());
        assertEquals(4096, config(key + "=4096").queueDepth());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nq", "queues"})
    void queues(String key) throws UsageException {
        assertEquals(4, config(key + "=4").queues());
    }

    @ParameterizedTest
    @ValueSource(strings = {"mr", "maxrequest"})
    void longest_request(String key) throws UsageException {
        assertEquals(4096, config(key + "=4K").maxRequest());
        assertEquals(1 << 20, config(key + "=1M").maxRequest());
    }

    @Test
    void timeout() throws UsageException {
        assertEquals(86_400_000, config("timeout=86400").timeoutMs());
        assertEquals(0, config("timeout=0").timeoutMs());
        assertEquals(30_000, config("timeout=30s").timeoutMs());
        assertEquals(1500, config("timeout=1.5").timeoutMs());
        assertEquals(500, config("timeout=500ms").timeoutMs());
    }

    @Test
    void how_long_requests_wait_for_a_server() throws UsageException {
        assertEquals(0, config("unserved=0").unservedMs());
        assertEquals(1500, config("unserved=1.5").unservedMs());
        assertEquals(0, config("unserved=1").orphanMs());
        assertEquals(86_400_000, config("orphan=86400").orphanMs());
        assertEquals(60_000, config("orphan=0").unservedMs());
    }

    @ParameterizedTest
    @CsvSource({
        "autoremove, WRITE_CACHE AUTOREMOVE", "autoremove=off, WRITE_CACHE", "wc, WRITE_CACHE", "wc=on, WRITE_CACHE", "writecache, WRITE_CACHE", "'wc=off', ''", "writecache=off, ''",
        "'wc=off,discard', DISCARD", "'discard=on,wc=off', DISCARD", "'wz,wc=off', WRITE_ZEROES",
        "'writezeroes=on,wc=off', WRITE_ZEROES", "'ro', READ_ONLY WRITE_CACHE", "'ro,wc=off', READ_ONLY",
        "'discard,wz', WRITE_CACHE DISCARD WRITE_ZEROES", "'wc=off,rotational', ROTATIONAL", "'partscan,wc=off', PARTSCAN"})
    void flags(String keys, String expected) throws UsageException {
        var names = new ArrayList<String>();
        config(keys).flags().forEach(flag -> names.add(flag.name()));
        assertEquals(expected, String.join(" ", names));
    }

    @Test
    void any_order_with_commas_or_words() throws UsageException {
        var keys = new ArrayList<>(List.of("size=1G", "bs=512", "pbs=8K", "queusize=7", "nq=2", "mr=64K", "timeout=9", "orphan=8",
                "unserved=7", "ro", "wc=off",
                "discard", "wz=on"));
        var expected = new Config(1 << 30, 512, 8192, 7, 2, 65536, 9000, 8000, 7000, Hints.NONE,
                Set.of(Flag.READ_ONLY, Flag.DISCARD, Flag.WRITE_ZEROES), false);
        var random = new Random(3);
        for (int i = 0; i < 200; i++) {
            Collections.shuffle(keys, random);
            var words = new ArrayList<String>();
            for (String key : keys) {
                if (words.isEmpty() || random.nextBoolean()) {
                    words.add(key);
                } else {
                    words.set(words.size() - 1, words.get(words.size() - 1) + "," + key);
                }
            }
            assertEquals(expected, new SetupKeys(words).config(null), words.toString());
        }
        assertEquals(expected.capacity(), config("sz=1G,", "bs=512").capacity());
    }

    @ParameterizedTest
    @ValueSource(strings = {"sz=1M, bs=512", " sz=1M ,bs=512 ", "sz=1M bs=512", "sz=1M,\tbs=512,", ", sz=1M  bs=512"})
    void keys_in_one_word_may_have_blanks_between_them(String word) throws UsageException {
        assertEquals(config("sz=1M", "bs=512"), config(word));
        assertTrue(SetupKeys.isMeant(word), word);
    }

    @ParameterizedTest
    @CsvSource({"ro, true", "' ro', true", "ro discard, true", "sizee=1M, true", "my disk, false", "nul, false"})
    void a_word_is_meant_as_keys_if_it_begins_like_them(String word, boolean meant) {
        assertEquals(meant, SetupKeys.isMeant(word));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "frob|unknown key 'frob'",
        "frob=1|unknown key 'frob'",
        "=1|unknown key ''",
        "SZ=1M|unknown key 'SZ'",
        "sz =1M|'sz' has no value",
        "sz|'sz' has no value",
        "sz=|'sz' has no value",
        "bs,ro|'bs' has no value",
        "wc=|'wc' has no value",
        "timeout|'timeout' has no value",
        "ro=1|'ro' takes no value",
        "rw=|'rw' takes no value",
        "reconnect=yes|'reconnect' takes no value",
        "wc=yes|wc=yes is neither 'on' nor 'off'",
        "discard=1|discard=1 is neither 'on' nor 'off'",
        "ro,rw|'ro' and 'rw' exclude each other",
        "rw,sz=1M,ro|'ro' and 'rw' exclude each other",
        "ro,ro|'ro' is given twice",
        "timeout=1,timeout=1|'timeout' is given twice",
        "sz=1M,sz=1M|'sz' is given twice (sz, size are one key)",
        "sz=1M,size=2M|'size' is given twice (sz, size are one key)",
        "queusize=1,qs=2|'qs' is given twice (qs, queuesize, queusize are one key)",
        "wc,writecache=off|'writecache' is given twice (wc, writecache are one key)",
        "sz=x|sz=x is not a size: bytes, or a number with K, M, G, T, P or E, or with KB, MB and so on for powers of 1000",
        "sz=1=2|sz=1=2 is not a size: bytes, or a number with K, M, G, T, P or E, or with KB, MB and so on for powers of 1000",
        "blocksiz=512|unknown key 'blocksiz'; did you mean 'blocksize'?",
        "64M|unknown key '64M'; did you mean 'sz=64M'?",
        "1.5GiB|unknown key '1.5GiB'; did you mean 'sz=1.5GiB'?",
        "timeout=86400001ms|timeout=86400001ms must be from 0 to 86400",
        "timeout=0.0005|timeout=0.0005 is not a whole number of milliseconds",
        "timeout=x|timeout=x is not a time: seconds, or a number with s or ms",
        "blocksize=3000|blocksize=3000 is not a power of two",
        "size=5000|size=5000 is not a multiple of the block size, 4096",
        "queuesize=0|queuesize=0 must be from 1 to 4096",
        "qs=x|qs=x is not a number",
        "qs=1K|qs=1K is not a number",
        "sz=-1|sz=-1 must not be negative",
        "bs=-512|bs=-512 must not be negative",
        "timeout=-1|timeout=-1 must not be negative",
        "sz=0|sz=0 must be at least 1",
        "size=9223372036854775808|size=9223372036854775808 is beyond 2^63 - 1",
        "qs=99999999999999999999|qs=99999999999999999999 is beyond 2^63 - 1",
        "sz=5000|sz=5000 is not a multiple of the block size, 4096",
        "sz=9223372036854775807|sz=9223372036854775807 is not a multiple of the block size, 4096",
        "sz=16M,bs=32K,mr=4K|mr=4K is not a multiple of the block size, 32768",
        "bs=0|bs=0 must be from 512 to 65536",
        "bs=256|bs=256 must be from 512 to 65536",
        "bs=128K|bs=128K must be from 512 to 65536",
        "bs=4294967808|bs=4294967808 must be from 512 to 65536",
        "bs=3000|bs=3000 is not a power of two",
        "bs=4095|bs=4095 is not a power of two",
        "pbs=2048|pbs=2048 must be from 4096 to 1048576",
        "pbs=0|pbs=0 must be from 4096 to 1048576",
        "pbs=2M|pbs=2M must be from 4096 to 1048576",
        "pbs=5000|pbs=5000 is not a power of two",
        "pbs=4K,physicalblocksize=4K|'physicalblocksize' is given twice (pbs, physicalblocksize are one key)",
        "qs=0|qs=0 must be from 1 to 4096",
        "qs=4097|qs=4097 must be from 1 to 4096",
        "qs=4294967297|qs=4294967297 must be from 1 to 4096",
        "nq=0|nq=0 must be at least 1",
        "nq=4294967297|nq=4294967297 must be from 1 to 2147483647",
        "mr=0|mr=0 must be from 4096 to 1048576",
        "mr=2M|mr=2M must be from 4096 to 1048576",
        "mr=5000|mr=5000 is not a multiple of the block size, 4096",
        "timeout=86401|timeout=86401 must be from 0 to 86400",
        "orphan=86401|orphan=86401 must be from 0 to 86400",
        "unserved=86401|unserved=86401 must be from 0 to 86400",
        "dg=4K|dg=4K needs 'discard'",
        "md=4K,discard=off|md=4K needs 'discard'",
        "mz=4K|mz=4K needs 'wz'",
        "iomin=0|iomin=0 must be from 4096 to 16777216",
        "iomin=17M|iomin=17M must be from 4096 to 16777216",
        "pbs=8K,iomin=4K|iomin=4K is not a multiple of the physical block size, 8192",
        "ioopt=5000|ioopt=5000 is not a multiple of the physical block size, 4096",
        "discard,dg=512|dg=512 is not a multiple of the physical block size, 4096",
        "discard,dg=8K,md=4K|md=4K is not a multiple of the discard granularity, 8192",
        "discard,md=4G|md=4G must be from 4096 to 4293918720",
        "wz,mz=0|mz=0 must be from 4096 to 4293918720",
        "wz,mz=512|mz=512 is not a multiple of the block size, 4096",
        "orphan=-1|orphan=-1 must not be negative",
        "unserved|'unserved' has no value"})
    void what_is_wrong_is_refused_with_the_reason(String keys, String message) {
        assertEquals(message, refusal(keys));
        assertEquals(message, refusal(keys.split(",")));
    }

    @Test
    void hints_of_the_storage() throws UsageException {
        assertEquals(Hints.NONE, config("discard,wz").hints());
        assertEquals(new Hints(65536, 1 << 20, 32768, 1 << 20, 0xfff00000L),
                config("discard,wz,pbs=8K,iomin=64K,ioopt=1M,dg=32K,md=1M,mz=4095M").hints());
        assertEquals(new Hints(0, 0, 4096, 8192, 4096),
                config("discard,wz,discardgranularity=4K,maxdiscard=8K,maxwritezeroes=4K,ioopt=0").hints());
        var flags = Set.of(Flag.WRITE_CACHE, Flag.DISCARD, Flag.ROTATIONAL, Flag.PARTSCAN);
        var config = config("discard,rotational,partscan,iomin=8K,ioopt=16K,dg=4K,md=1M");
        assertEquals(flags, config.flags());
        var current = Status.fresh(0, config);
        assertEquals(config.hints(), new SetupKeys(List.of("reconnect")).config(current).hints());
        assertEquals(flags, new SetupKeys(List.of("reconnect")).config(current).flags());
        assertEquals(new Hints(8192, 0, 4096, 1 << 20, 0), new SetupKeys(List.of("reconnect,ioopt=0")).config(current).hints());
        assertEquals(2 << 20, new SetupKeys(List.of("reconnect,md=2M")).config(current).hints().maxDiscard());
    }

    @Test
    void a_reconnect_keeps_what_is_not_given() throws UsageException {
        var flags = Set.of(Flag.READ_ONLY, Flag.DISCARD);
        var current = Status.fresh(0, new Config(1 << 20, 512, 4096, 9, 2, 65536, 5, 6, 7, Hints.NONE, flags, false));
        assertEquals(new Config(1 << 20, 512, 4096, 9, 2, 65536, 5, 6, 7, Hints.NONE, flags, true),
                new SetupKeys(List.of("reconnect")).config(current));
        assertEquals(new Config(2 << 20, 512, 4096, 3, 2, 65536, 0, 500, 0, Hints.NONE, Set.of(Flag.DISCARD), true),
                new SetupKeys(List.of("reconnect", "sz=2M", "qs=3", "timeout=0", "orphan=0.5", "unserved=0", "rw")).config(current));
        assertEquals(new Config(1 << 20, 512, 4096, 9, 2, 65536, 5, 6, 7, Hints.NONE, Set.of(Flag.READ_ONLY, Flag.WRITE_CACHE), true),
                new SetupKeys(List.of("wc,discard=off,reconnect")).config(current));
        var e = assertThrows(UsageException.class, () -> new SetupKeys(List.of("reconnect", "sz=2000")).config(current));
        assertEquals("sz=2000 is not a multiple of the block size, 512", e.getMessage());
        assertEquals(false, config("reconnect").reconnect());
    }
}
