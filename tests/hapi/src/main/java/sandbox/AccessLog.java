package sandbox;

import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.Interceptor;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.rest.server.servlet.ServletRequestDetails;
import jakarta.servlet.ServletException;
import java.io.CharArrayWriter;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.AbstractAccessLogValve;

/**
 * Two lines on standard error for each request, a tab between the words and "-" for nothing. When it comes:
 * ASKED, number. When it has been answered (which its client may know a little earlier): ANSWERED, number,
 * method, path, query as it came, form, status, microseconds. What Tomcat itself refuses has no number.
 */
final class AccessLog extends AbstractAccessLogValve {

    private final AtomicLong number = new AtomicLong();

    AccessLog() {
        setPattern("ANSWERED\t%{number}r\t%m\t%U\t%q\t%{form}r\t%s\t%{us}T");
        setEnabled(true);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        request.setAttribute("number", number.incrementAndGet());
        System.err.println("ASKED\t" + request.getAttribute("number"));
        super.invoke(request, response);
    }

    @Override
    protected void log(CharArrayWriter line) {
        System.err.println(line);
    }

    /** Notes the form of a POST _search, which stands in no URL. */
    @Interceptor
    public static final class Forms {
        @Hook(Pointcut.SERVER_INCOMING_REQUEST_POST_PROCESSED)
        public void note(ServletRequestDetails details) {
            if (String.valueOf(details.getRequestPath()).endsWith("_search")) {
                String form = details.getParameters().entrySet().stream()
                        .flatMap(each -> Arrays.stream(each.getValue())
                                .map(value -> each.getKey() + "=" + encode(value)))
                        .collect(Collectors.joining("&"));
                details.getServletRequest().setAttribute("form", form);
            }
        }

        private static String encode(String value) {
            return URLEncoder.encode(value, StandardCharsets.UTF_8);
        }
    }
}
