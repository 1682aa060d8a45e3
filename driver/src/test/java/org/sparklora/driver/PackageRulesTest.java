package org.sparklora.driver;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who may import whom (ARCHITECTURE.md, "Import rules"). */
class PackageRulesTest {

    private static final JavaClasses DRIVER = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("org.sparklora.driver");

    private static final String[] SPARK = {"org.apache.spark..", "scala.."};

    @Test
    void decisionsKnowNeitherSparkNorDjl() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        "org.sparklora.driver.job..",
                        "org.sparklora.driver.run.history..",
                        "org.sparklora.driver.run.checkpoint..",
                        "org.sparklora.driver.sample..",
                        "org.sparklora.driver.cluster.score..",
                        "org.sparklora.driver.watch.doctor..",
                        "org.sparklora.driver.model.export..",
                        "org.sparklora.driver.watch.tracking..",
                        "org.sparklora.driver.watch.verify..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.spark..", "scala..", "ai.djl..")
                .check(DRIVER);
    }

    @Test
    void theLoopKnowsNoSpark() {
        noClasses()
                .that()
                .resideInAnyPackage("org.sparklora.driver.run.loop..", "org.sparklora.driver.model.peft..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(SPARK)
                .check(DRIVER);
    }

    @Test
    void nobodyButTheWorkersEngineTouchesPyTorch() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl.pytorch..")
                .check(DRIVER);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("org.sparklora.driver.(*)..")
                .should()
                .beFreeOfCycles()
                .check(DRIVER);
    }

    /** Spark 4's sessions declare an IOException: code that compiles with both names it, or calls stop(). */
    @Test
    void whoeverClosesASessionDeclaresThatItMayFail() {
        JavaClasses all = new ClassFileImporter().importPackages("org.sparklora.driver");
        List<String> silent = all.stream()
                .flatMap(type -> type.getMethodCallsFromSelf().stream())
                .filter(call -> call.getName().equals("close")
                        && call.getTargetOwner().getFullName().equals("org.apache.spark.sql.SparkSession"))
                .filter(call -> call.getOrigin().getThrowsClause().getTypes().isEmpty())
                .map(call -> call.getDescription())
                .toList();
        assertThat(silent).isEmpty();
    }
}
