package org.sparklora.worker;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Who may import whom (ARCHITECTURE.md, "Import rules"). */
class PackageRulesTest {

    private static final JavaClasses WORKER = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("org.sparklora.worker");

    private static String in(String name) {
        return "org.sparklora.worker." + name + "..";
    }

    @Test
    void contractKnowsOnlyTheJdk() {
        classes()
                .that()
                .resideInAPackage(in("contract"))
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", in("contract"), "org.jspecify..")
                .check(WORKER);
    }

    @Test
    void allreduceKnowsOnlyContract() {
        classes()
                .that()
                .resideInAPackage(in("allreduce"))
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", in("allreduce"), in("contract"), "org.jspecify..")
                .check(WORKER);
    }

    @Test
    void onlyTheEngineTouchesPyTorch() {
        noClasses()
                .that()
                .resideOutsideOfPackage(in("engine"))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl.pytorch..")
                .check(WORKER);
    }

    @Test
    void onlySparkTasksKnowSpark() {
        noClasses()
                .that()
                .resideOutsideOfPackage(in("spark"))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.spark..", "scala..")
                .check(WORKER);
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("org.sparklora.worker.(*)..")
                .should()
                .beFreeOfCycles()
                .check(WORKER);
    }
}
