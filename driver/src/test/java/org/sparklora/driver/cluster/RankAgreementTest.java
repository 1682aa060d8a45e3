package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.RankAgreement.Claim;

class RankAgreementTest {

    private static Claim claim(int rank, Map<String, String> digests) {
        return new Claim(rank, "10.0.0." + rank + ":4000", new TreeMap<>(digests));
    }

    @Test
    void ranksThatHoldTheSameAgree() {
        Map<String, String> digests = Map.of("head", "aa", "top", "bb");
        assertThatCode(() -> RankAgreement.require(List.of(claim(0, digests), claim(1, digests), claim(2, digests)), 0))
                .doesNotThrowAnyException();
        assertThatCode(() -> RankAgreement.require(List.of(claim(0, digests)), 0))
                .doesNotThrowAnyException();
    }

    @Test
    void ranksThatDifferAreNamedWithTheGroup() {
        List<Claim> claims = List.of(
                claim(0, Map.of("head", "aa", "top", "bb")),
                claim(1, Map.of("head", "aa", "top", "bb")),
                claim(2, Map.of("head", "aa", "top", "cc")));
        assertThatThrownBy(() -> RankAgreement.require(claims, 96))
                .isInstanceOf(RankMismatchException.class)
                .hasMessageContainingAll(
                        "96", "group 'top'", "rank 0 (10.0.0.0:4000)", "rank 2", "[cluster.ranks-differ]");
    }

    @Test
    void aGroupThatOneRankDoesNotHaveIsADifference() {
        Claim both = claim(0, Map.of("head", "aa", "top", "bb"));
        Claim one = claim(1, Map.of("head", "aa"));
        for (List<Claim> claims : List.of(List.of(both, one), List.of(one, both))) {
            assertThatThrownBy(() -> RankAgreement.require(claims, 0))
                    .isInstanceOf(RankMismatchException.class)
                    .hasMessageContainingAll("group 'top'", "[cluster.ranks-differ]");
        }
    }
}
