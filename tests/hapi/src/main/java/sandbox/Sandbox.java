package sandbox;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * A HAPI FHIR R4 server on loopback. Says "READY base-URL" on standard output once it answers.
 *
 * <p>System properties: fhir.port (0: a free one), fhir.db (JDBC URL; default: in memory). When it cannot start, a
 * line of standard error is "FAILED reason". The end of standard input ends the server, so it never outlives who
 * started it. A line of standard input is a setting while it runs, answered on standard output by "SET line":
 * page.max=N, page.default=N, search.cache.ms=N (0: none).
 */
public final class Sandbox {

    private static final Logger TOMCAT = Logger.getLogger("org.apache"); // held, or its level would be forgotten

    private final AnnotationConfigApplicationContext beans = new AnnotationConfigApplicationContext(Beans.class);
    private final DatabaseBackedPagingProvider paging = beans.getBean(DatabaseBackedPagingProvider.class);
    private final JpaStorageSettings settings = beans.getBean(JpaStorageSettings.class);

    public static void main(String[] arguments) {
        TOMCAT.setLevel(Level.OFF);
        try {
            run();
        } catch (Exception error) {
            Throwable cause = error;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            System.err.println("FAILED " + String.valueOf(cause.getMessage()).lines().findFirst().orElse(""));
            System.exit(1);
        }
        System.exit(0);
    }

    private static void run() throws Exception {
        Sandbox sandbox = new Sandbox();
        Tomcat tomcat = sandbox.start(Integer.getInteger("fhir.port", 0));
        System.out.println("READY http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + "/fhir");
        sandbox.obey(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
        tomcat.stop();
        sandbox.beans.close();
    }

    private Tomcat start(int port) throws Exception {
        Connector connector = new Connector();
        connector.setPort(port);
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("relaxedQueryChars", "|"); // as the published image has it
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("fhir-sandbox").toString());
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", null);
        context.getPipeline().addValve(new AccessLog());
        Wrapper servlet = Tomcat.addServlet(context, "fhir", server());
        servlet.setLoadOnStartup(1);
        context.addServletMappingDecoded("/fhir/*", "fhir");
        tomcat.start();
        if (connector.getLocalPort() < 1) {
            throw new IllegalStateException("port " + port + " cannot be listened on");
        }
        return tomcat;
    }

    private RestfulServer server() {
        RestfulServer server = new RestfulServer(beans.getBean(FhirContext.class));
        server.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
        server.registerProvider(beans.getBean(JpaSystemProvider.class));
        server.registerProvider(beans.getBean(ValueSetOperationProvider.class));
        server.setServerConformanceProvider(new JpaCapabilityStatementProvider(
                server,
                beans.getBean(IFhirSystemDao.class),
                settings,
                beans.getBean(ISearchParamRegistry.class),
                beans.getBean("myJpaValidationSupportChain", IValidationSupport.class)));
        paging.setDefaultPageSize(20); // the image's default
        paging.setMaximumPageSize(200);
        server.setPagingProvider(paging);
        server.setDefaultResponseEncoding(EncodingEnum.JSON);
        server.registerInterceptor(new AccessLog.Forms());
        return server;
    }

    private void obey(BufferedReader input) throws Exception {
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split("=", 2);
            int value = Integer.parseInt(words[1].trim());
            switch (words[0]) {
                case "page.max" -> paging.setMaximumPageSize(value);
                case "page.default" -> paging.setDefaultPageSize(value);
                case "search.cache.ms" ->
                    settings.setReuseCachedSearchResultsForMillis(value == 0 ? null : Long.valueOf(value));
                default -> throw new IllegalArgumentException(line);
            }
            System.out.println("SET " + line);
        }
    }
}
