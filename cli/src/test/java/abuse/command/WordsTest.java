// SPDX-License-Identifier: Apache-2.0
package abuse.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes, seconds, names of devices, JSON. */
class WordsTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0", "1, 1", "007, 7", "4096, 4096", "1K, 1024", "1k, 1024", "16M, 16777216", "16m, 16777216",
        "3G, 3221225472", "2T, 2199023255552", "2t, 2199023255552", "8388607T, 9223370937343148032",
        "9223372036854775807, 9223372036854775807", "9007199254740991K, 9223372036854774784", "512B, 512", "1KiB, 1024",
        "10MiB, 10485760", "10mB, 10000000", "10MB, 10000000", "1KB, 1000", "7E, 8070450532247928832", "1P, 1125899906842624",
        "1.5G, 1610612736", "0.5K, 512", "1.50K, 1536", "1.5KB, 1500", "8.0M, 8388608", "2.5GiB, 2684354560"})
    void sizes_are_powers_of_1024_unless_they_say_otherwise(String text, long bytes) throws UsageException {
        assertEquals(bytes, Sizes.bytes("", text));
    }

    @ParameterizedTest
    @CsvSource({
        "'', is not a size", "x, is not a size", "K, is not a size", "1.M, is not a size", "1 M, is not a size",
        "+1, is not a size", "--1, is not a size", "1Mi, is not a size", "1MBs, is not a size", "0x10, is not a size",
        ".5M, is not a size", "1..5M, is not a size", "1.5.5M, is not a size", "1BB, is not a size", "1iB, is not a size",
        "1Z, is not a size", "1e3, is not a size", "١, is not a size", "-, is not a size", "1.K5, is not a size",
        "1.5, is not a whole number of bytes", "0.0001K, is not a whole number of bytes", "1.5B, is not a whole number of bytes",
        "-1, must not be negative", "-16M, must not be negative", "-0, must not be negative",
        "9223372036854775808, is beyond 2^63 - 1", "99999999999999999999999, is beyond 2^63 - 1",
        "8388608T, is beyond 2^63 - 1", "9007199254740992K, is beyond 2^63 - 1", "8E, is beyond 2^63 - 1",
        "8.5E, is beyond 2^63 - 1", "99999999999999999999.5K, is beyond 2^63 - 1"})
    void what_is_no_size_is_refused(String text, String message) {
        var e = assertThrows(UsageException.class, () -> Sizes.bytes("sz=", text));
        assertTrue(e.getMessage().startsWith("sz=" + text + " " + message), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"1K", "K", "", "1M", "a"})
    void a_count_has_no_unit(String text) {
        var e = assertThrows(UsageException.class, () -> Sizes.number("--count=", text));
        assertEquals("--count=" + text + " is not a number", e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0B", "512, 512B", "1023, 1023B", "1024, 1K", "1536, 1.5K", "4096, 4K", "16777216, 16M", "1048575, 1M",
        "1048524, 1023.9K", "1073741823, 1G", "1610612736, 1.5G", "1099511627776, 1T", "9223372036854775807, 8E"})
    void sizes_are_shown_as_lsblk_does(long bytes, String text) {
        assertEquals(text, Sizes.brief(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0, 0B", "1023.4, 1023B", "1023.5, 1K", "1024, 1K", "10137, 9.9K", "10188, 9.9K", "10200, 10K", "1047000, 1022K",
        "1048575, 1M", "1073741823, 1G", "9.3e18, 8.1E", "1e21, 867E"})
    void rates_take_five_characters(double bytes, String text) {
        assertEquals(text, Sizes.briefer(bytes));
    }

    @ParameterizedTest
    @CsvSource({"0, 0 bytes", "1000, 1000 bytes", "1024, 1 KiB", "16777216, 16 MiB", "17825792, 17 MiB", "16781312, 16388 KiB",
        "1099511627776, 1 TiB"})
    void sizes_are_exact_in_sentences(long bytes, String text) {
        assertEquals(text, Sizes.exact(bytes));
    }

    @ParameterizedTest
    @CsvSource({"1, 1000000000", "0.5, 500000000", "0, 0", "0.000000001, 1", "forever, -1", "999999999, 999999999000000000",
        "30s, 30000000000", "0.5s, 500000000", "500ms, 500000000", "1.5ms, 1500000"})
    void seconds_are_nanoseconds(String text, long nanoseconds) throws UsageException {
        assertEquals(nanoseconds, Seconds.parse("--wait", text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "1e9", ".5", "5.", "1m", "1ss", "s", "ms", "1 s", "NaN", "0x1", "1000000000", "0.0000000001"})
    void what_is_no_time_is_refused(String text) {
        var e = assertThrows(UsageException.class, () -> Seconds.parse("--wait", text));
        assertEquals("--wait=" + text + " is not a time: seconds, or a number with s or ms", e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "-0.5s", "-500ms"})
    void time_does_not_run_backwards(String text) {
        var e = assertThrows(UsageException.class, () -> Seconds.parse("--wait", text));
        assertEquals("--wait=" + text + " must not be negative", e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"nul, null", "mme, mem", "lst, list", "infos, info", "restet, reset", "sever, server", "block-size, blocksize"})
    void a_word_that_is_near_is_suggested(String word, String meant) {
        assertEquals("; did you mean '" + meant + "'?", Similar.to(word,
                List.of("null", "mem", "list", "info", "reset", "server", "blocksize")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "frob", "qqq", "something"})
    void a_word_that_is_not_near_is_not(String word) {
        assertEquals("", Similar.to(word, List.of("null", "mem", "list", "info", "reset")));
    }

    @ParameterizedTest
    @CsvSource({
        ", /dev/abctl0", "'', /dev/abctl0", "0, /dev/abctl0", "7, /dev/abctl7", "12, /dev/abctl12", "007, /dev/abctl7",
        "abctl3, /dev/abctl3", "abuse3, /dev/abctl3", "/dev/abctl3, /dev/abctl3", "/dev/abuse3, /dev/abctl3",
        "/tmp/abctl3, /tmp/abctl3", "/dev/abuse3p1, /dev/abuse3p1", "./node, ./node", "/dev/3, /dev/3",
        "abctl, abctl", "abctl1234567890, abctl1234567890"})
    void a_device_has_many_names(String name, String path) {
        assertEquals(path, DeviceName.path(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "12", "abctl0", "abuse12", "/dev/abctl0", "/dev/abuse0", "./node", "/tmp/node",
        "/dev/disk/by-path/pci-0000:00"})
    void a_device_looks_like_one(String word) {
        assertTrue(DeviceName.isOne(word));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "ro", "reconnect", "sz=1", "sz=/dev", "wc", "abctl", "abusex", "discard", "-1", "fil:/tmp/image",
        "http://host/image"})
    void a_key_does_not_look_like_a_device(String word) {
        assertFalse(DeviceName.isOne(word));
    }

    @Test
    void json_is_json() {
        var members = new LinkedHashMap<String, Object>();
        members.put("text", "a\"b\\c\n\u0001é");
        members.put("number", 1L << 60);
        members.put("truth", true);
        members.put("nothing", null);
        members.put("empty", List.of());
        members.put("list", List.of(1, "two", Collections.singletonMap("k", 3)));
        assertEquals("""
                {
                  "text": "a\\"b\\\\c\\u000a\\u0001é",
                  "number": 1152921504606846976,
                  "truth": true,
                  "nothing": null,
                  "empty": [],
                  "list": [
                    1,
                    "two",
                    {
                      "k": 3
                    }
                  ]
                }""", Json.text(members));
    }
}
