0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 partition node1 | rest
3.000 candidates node2
3.001 client0 write r0 A
3.002 client1 at node1
3.010 client1 write r0 B
3.011 client2 at node1
3.020 client2 write r0 C
3.500 client0 at node2
      client0 writes r0: unknown
      node2 campaigns in term 3
      node2 leads in term 3
      committed to 7
      node1 leads no more
5.500 client0 write r0 D
      committed to 8
      client0 writes r0: done
      client1 writes r0: unknown
      client2 writes r0: unknown
6.500 heal
      committed to 11
9.000 client0 at node1
9.000 client0 read r0
      client0 reads r0: C
       the faults stop for node1 node2 node3
       committed to 17
       held
